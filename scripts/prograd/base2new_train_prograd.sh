#!/usr/bin/env bash
# DATASET: train on the base classes, 4 shots, test on them; seeds 1 2 3, RN50 unless CFG
# names another file (for ImageNet they publish rn50_ep50)
CFG="${CFG:-rn50_ep100}" exec bash "$(dirname "$0")/../run.sh" prograd_train ProGrad "$@"
