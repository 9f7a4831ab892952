#!/usr/bin/env bash
# Called by the scripts of the methods: bash scripts/run.sh KIND TRAINER ARGUMENTS [KEY VALUE ...]
#
#   base2new_train      DATASET SEED           train on the base classes, test on them
#   base2new_test       DATASET SEED           test on the new classes
#   few_shot            DATASET SHOTS          all classes, seeds 1 2 3
#   xd_train            DATASET SEED           train on all classes (DATASET is imagenet)
#   xd_test             DATASET SEED           test these prompts on another dataset
#   reproduce_base2new  DATASET SEED WEIGHTS   test WEIGHTS/base/seedSEED on base and new classes
#   reproduce_few_shot  DATASET SHOTS WEIGHTS  test WEIGHTS/SHOTSshot/seed1 2 3 on all classes
#   reproduce_xd        DATASET SEED WEIGHTS   test WEIGHTS/seedSEED on another dataset
#   coop_main           DATASET CFG CTP N_CTX SHOTS CSC   CoOp, ProGrad, seeds 1 2 3; CTP is end,
#                       middle or front, N_CTX the number of context tokens, CSC True or False
#   coop_eval           DATASET CFG            CoOp of ImageNet on another dataset, seeds 1 2 3
#   prograd_train       DATASET                ProGrad with 4 shots: train on the base classes, test on
#                       them, seeds 1 2 3
#   prograd_test        DATASET                test on the new classes, seeds 1 2 3
#   kgcoop_train        DATASET W              KgCoOp with weight W: train on the base classes, test
#                       on them, seeds 1 2 3
#   kgcoop_test         DATASET W              test on the new classes, seeds 1 2 3
#   kgcoop_run          -                      both with W 8.0, on ten datasets
#   tcp_run             -                      TCP: both on eleven datasets, seeds 1 2 3
#   zeroshot            DATASET CFG            no training
#
# Environment variables: DATA, the folder of the datasets (needed); CFG, another method file than
# the one in configs/protocols.yaml; LOADEP, the epoch to test (default: the last one). Results go
# to output/, see docs/SWEEP.md. Finished runs are not run again.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -z ${VIRTUAL_ENV:-} && -x .venv/bin/python ]] && PATH="$PWD/.venv/bin:$PATH"  # made by `make`
exec python -m sweep.script "$@"
