#!/usr/bin/env bash
# METHOD DATASET SEED: train on the base classes, test on them
# METHOD is the one below DePT: CoOp, CoCoOp, KgCoOp, MaPLe, IVLP or PromptSRC
exec bash "$(dirname "$0")/../run.sh" base2new_train "ExtrasLinearProbe$1" "${@:2}"
