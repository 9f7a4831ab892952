#!/usr/bin/env bash
# DATASET CFG: test the ImageNet runs of coop/main.sh (16 shots, end, 16, False) on another dataset, seeds 1 2 3
exec bash "$(dirname "$0")/../run.sh" coop_eval CoOp "$@"
