#!/usr/bin/env bash
# DATASET CFG: test the ImageNet runs of coop/main.sh on another dataset, seeds 1 2 3
# (16 shots, CTP end, 16 context tokens, CSC False)
exec bash "$(dirname "$0")/../run.sh" coop_eval CoOp "$@"
