#!/usr/bin/env bash
# both of base2new_train.sh and base2new_test.sh, on ten datasets with W 8.0
exec bash "$(dirname "$0")/../run.sh" kgcoop_run KgCoOp "$@"
