#!/usr/bin/env bash
# Whole benchmarks: DATA=/path/to/datasets bash scripts/sweep.sh [BENCHMARK ...] [OPTIONS]; all four without arguments. docs/SWEEP.md has the options.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -z ${VIRTUAL_ENV:-} && -x .venv/bin/python ]] && PATH="$PWD/.venv/bin:$PATH"  # what `make` has set up
exec python -m sweep --root "${DATA:?set DATA to the folder that holds the datasets, e.g. DATA=/path/to/datasets bash ...}" "$@"
