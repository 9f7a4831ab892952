#!/usr/bin/env bash
# DATASET SEED: test on the new classes
exec bash "$(dirname "$0")/../run.sh" base2new_test MMRL "$@"
