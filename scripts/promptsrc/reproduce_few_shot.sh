#!/usr/bin/env bash
# DATASET SHOTS WEIGHTS: test the prompts in WEIGHTS/SHOTSshot/seed1, 2 and 3 on all classes
exec bash "$(dirname "$0")/../run.sh" reproduce_few_shot PromptSRC "$@"
