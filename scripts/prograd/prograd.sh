#!/usr/bin/env bash
# DATASET CFG CTP N_CTX SHOTS CSC: e.g. eurosat rn50_ep50 end 16 1 False; seeds 1 2 3
exec bash "$(dirname "$0")/../run.sh" coop_main ProGrad "$@"
