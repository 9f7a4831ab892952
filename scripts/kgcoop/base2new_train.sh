#!/usr/bin/env bash
# DATASET W: train on the base classes with weight W (published: 8.0), test on them; seeds 1 2 3
exec bash "$(dirname "$0")/../run.sh" kgcoop_train KgCoOp "$@"
