#!/usr/bin/env bash
# DATASET SEED: test the ImageNet run on another dataset
exec bash "$(dirname "$0")/../run.sh" xd_test MMRL "$@"
