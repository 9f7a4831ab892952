#!/usr/bin/env bash
# DATASET SEED: test the ImageNet run on another dataset
exec bash "$(dirname "$0")/../run.sh" xd_test PromptSRC vit_b16_c2_ep20_batch4_4+4ctx_cross_datasets "$@"
