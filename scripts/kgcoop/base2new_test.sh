#!/usr/bin/env bash
# DATASET W: test on the new classes, seeds 1 2 3
exec bash "$(dirname "$0")/../run.sh" kgcoop_test KgCoOp "$@"
