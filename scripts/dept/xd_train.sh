#!/usr/bin/env bash
# METHOD imagenet SEED: train on all classes of ImageNet
# METHOD is the one below DePT: CoOp, CoCoOp, KgCoOp, MaPLe, IVLP or PromptSRC
exec bash "$(dirname "$0")/../run.sh" xd_train "ExtrasLinearProbe$1" "${@:2}"
