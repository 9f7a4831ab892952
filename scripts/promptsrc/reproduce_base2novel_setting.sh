#!/usr/bin/env bash
# DATASET SEED WEIGHTS: test the prompts in WEIGHTS/base/seedSEED on base and new classes
exec bash "$(dirname "$0")/../run.sh" reproduce_base2new PromptSRC "$@"
