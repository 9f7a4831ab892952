#!/usr/bin/env bash
# DATASET: test on the new classes; seeds 1 2 3, RN50 unless CFG
# names another file (for ImageNet they publish rn50_ep50)
CFG="${CFG:-rn50_ep100}" exec bash "$(dirname "$0")/../run.sh" prograd_test ProGrad "$@"
