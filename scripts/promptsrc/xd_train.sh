#!/usr/bin/env bash
# imagenet SEED: train on all classes of ImageNet
exec bash "$(dirname "$0")/../run.sh" xd_train PromptSRC vit_b16_c2_ep20_batch4_4+4ctx_cross_datasets "$@"
