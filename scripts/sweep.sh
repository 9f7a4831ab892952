#!/usr/bin/env bash
# Whole protocols: DATA=/path/to/datasets bash scripts/sweep.sh [PROTOCOL ...] [OPTIONS]
# All four without arguments. docs/SWEEP.md has the options.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -z ${VIRTUAL_ENV:-} && -x .venv/bin/python ]] && PATH="$PWD/.venv/bin:$PATH"  # made by `make`
: "${DATA:?set DATA to the folder of the datasets: DATA=/path/to/datasets bash ...}"
exec python -m sweep --root "$DATA" "$@"
