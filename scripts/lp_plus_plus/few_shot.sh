#!/usr/bin/env bash
# DATASET SHOTS: all classes, seeds 1 2 3
exec bash "$(dirname "$0")/../run.sh" few_shot LinearProbe "$@"
