#!/usr/bin/env bash
# DATASET SEED: test on the new classes
exec bash "$(dirname "$0")/../run.sh" base2new_test IVLP vit_b16_c2_ep20_batch4_4+4ctx "$@"
