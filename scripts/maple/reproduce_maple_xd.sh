#!/usr/bin/env bash
# DATASET SEED WEIGHTS: test the prompts in WEIGHTS/seedSEED on another dataset
exec bash "$(dirname "$0")/../run.sh" reproduce_xd MaPLe "$@"
