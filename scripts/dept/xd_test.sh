#!/usr/bin/env bash
# METHOD DATASET SEED: test the ImageNet run on another dataset
# METHOD is the one below DePT: CoOp, CoCoOp, KgCoOp, MaPLe, IVLP or PromptSRC
exec bash "$(dirname "$0")/../run.sh" xd_test "ExtrasLinearProbe$1" "${@:2}"
