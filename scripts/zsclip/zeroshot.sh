#!/usr/bin/env bash
# DATASET CFG: zero-shot CLIP, e.g. eurosat vit_b16
exec bash "$(dirname "$0")/../run.sh" zeroshot ZeroshotCLIP "$@"
