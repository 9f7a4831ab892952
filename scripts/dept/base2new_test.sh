#!/usr/bin/env bash
# METHOD DATASET SEED: test on the new classes
# METHOD is the one below DePT: CoOp, CoCoOp, KgCoOp, MaPLe, IVLP or PromptSRC
exec bash "$(dirname "$0")/../run.sh" base2new_test "ExtrasLinearProbe$1" "${@:2}"
