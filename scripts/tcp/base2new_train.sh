#!/usr/bin/env bash
# train on the base classes and test on both halves: eleven datasets, seeds 1 2 3
exec bash "$(dirname "$0")/../run.sh" tcp_run TCP "$@"
