#!/usr/bin/env bash
# What the scripts of all methods share: bash scripts/run.sh BENCHMARK TRAINER CFG DATASET ... [KEY VALUE ...]
#
#   base2new_train  TRAINER CFG DATASET SEED      train on the base classes, test on them
#   base2new_test   TRAINER CFG DATASET SEED      test on the new classes
#   few_shot        TRAINER CFG DATASET SHOTS     all classes, seeds 1 2 3
#   xd_train        TRAINER CFG imagenet SEED     train on all classes of ImageNet
#   xd_test         TRAINER CFG DATASET SEED      test that on another dataset
#   zeroshot        TRAINER CFG DATASET           no training
#
# From the environment: DATA (folder of the datasets, required), CFG (another method file), LOADEP (epoch to test; the method file's last).
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,11p' scripts/run.sh >&2; exit 2; }
[ $# -ge 4 ] || usage
: "${DATA:?set DATA to the folder that holds the datasets, e.g. DATA=/path/to/datasets bash ...}"
BENCHMARK=$1 TRAINER=$2 CFG=${CFG:-$3} DATASET=$4
SHOTS=16
case $TRAINER in Zeroshot*) CONFIGS=CoOp ;; *) CONFIGS=$TRAINER ;; esac
METHOD_FILE=configs/trainers/$CONFIGS/$CFG.yaml
LOADEP=${LOADEP:-$(sed -n 's/^ *MAX_EPOCH: *//p' "$METHOD_FILE")}

run() { # OUTPUT [ARGUMENTS]
    python train.py --root "$DATA" --trainer "$TRAINER" --dataset-config-file "configs/datasets/$DATASET.yaml" \
        --config-file "$METHOD_FILE" --output-dir "$@"
}

if [ "$BENCHMARK" = zeroshot ]; then
    run "output/$TRAINER/$CFG/$DATASET" --eval-only "${@:5}"
    exit
fi
[ $# -ge 5 ] || usage
SEED=$5
PAIRS=("${@:6}")
BASE2NEW=$DATASET/shots_$SHOTS/$TRAINER/$CFG/seed$SEED
SOURCE=output/imagenet/$TRAINER/${CFG}_${SHOTS}shots/seed$SEED

case $BENCHMARK in
base2new_train)
    run "output/base2new/train_base/$BASE2NEW" --seed "$SEED" DATASET.NUM_SHOTS $SHOTS DATASET.SUBSAMPLE_CLASSES base "${PAIRS[@]}" ;;
base2new_test)
    run "output/base2new/test_new/$BASE2NEW" --seed "$SEED" --eval-only --model-dir "output/base2new/train_base/$BASE2NEW" \
        --load-epoch "$LOADEP" DATASET.NUM_SHOTS $SHOTS DATASET.SUBSAMPLE_CLASSES new "${PAIRS[@]}" ;;
xd_train)
    run "$SOURCE" --seed "$SEED" DATASET.NUM_SHOTS $SHOTS "${PAIRS[@]}" ;;
xd_test)
    run "output/evaluation/$TRAINER/${CFG}_${SHOTS}shots/$DATASET/seed$SEED" --seed "$SEED" --eval-only --model-dir "$SOURCE" \
        --load-epoch "$LOADEP" DATASET.NUM_SHOTS $SHOTS "${PAIRS[@]}" ;;
few_shot)
    SHOTS=$SEED
    case $DATASET in # the prompt average that the paper takes where the others' 30/30 of the method file is not it
    stanford_cars | oxford_flowers | fgvc_aircraft | dtd | eurosat) GPA=(TRAINER.PROMPTSRC.GPA_MEAN 45 TRAINER.PROMPTSRC.GPA_STD 5) ;;
    *) GPA=() ;;
    esac
    for SEED in 1 2 3; do
        run "output/$DATASET/$TRAINER/${CFG}_${SHOTS}shots/seed$SEED" --seed "$SEED" DATASET.NUM_SHOTS "$SHOTS" "${GPA[@]}" "${PAIRS[@]}"
    done ;;
*) usage ;;
esac
