#!/usr/bin/env bash
# imagenet SEED: train on all classes of ImageNet
exec bash "$(dirname "$0")/../run.sh" xd_train MMRLpp "$@"
