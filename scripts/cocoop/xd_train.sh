#!/usr/bin/env bash
# SEED: train on all classes of ImageNet
exec bash "$(dirname "$0")/../run.sh" xd_train CoCoOp imagenet "$@"
