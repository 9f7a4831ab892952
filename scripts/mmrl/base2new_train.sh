#!/usr/bin/env bash
# DATASET SEED: train on the base classes, test on them
exec bash "$(dirname "$0")/../run.sh" base2new_train MMRL "$@"
