"""Defaults of every key; users' YAML files and KEY VALUE pairs are merged into them."""

from yacs.config import CfgNode

from dassl.config.methods import METHODS
from dassl.elsewhere import names_of

__getattr__ = names_of(__name__)


def _defaults() -> CfgNode:
    return CfgNode(
        {
            "VERSION": 1,
            "OUTPUT_DIR": "./output",
            "RESUME": "",  # folder of the run to resume; OUTPUT_DIR if empty
            "SEED": -1,  # below 0: not seeded
            "USE_CUDA": True,
            "VERBOSE": True,
            "INPUT": _input(),
            "DATASET": _dataset(),
            "DATALOADER": _dataloader(),
            "MODEL": {
                "INIT_WEIGHTS": "",
                "BACKBONE": {"NAME": "", "PRETRAINED": True},
                "HEAD": {
                    "NAME": "",
                    "HIDDEN_LAYERS": (),
                    "ACTIVATION": "relu",
                    "BN": True,
                    "DROPOUT": 0.0,
                },
            },
            "OPTIM": _optim(),
            "TRAIN": {
                "CHECKPOINT_FREQ": 0,  # in epochs; 0: only the last one
                "CHECKPOINT_MINUTES": 10.0,  # between states saved within an epoch; 0: none
                "PRINT_FREQ": 10,  # in batches
                "PATIENCE": 0,  # with best_val: epochs without a better one; 0: all are trained
                "COUNT_ITER": "train_x",  # TrainerXU: steps per epoch; or train_u, smaller_one
            },
            "TEST": {
                "EVALUATOR": "Classification",
                "PER_CLASS_RESULT": False,
                "COMPUTE_CMAT": False,
                "NO_TEST": False,
                "SPLIT": "test",
                "FINAL_MODEL": "last_step",  # or best_val
                "CORRUPTION": "",  # of val and test images, a kind in transforms/corruptions.py
                "SEVERITY": 1,  # of it, up to 5
            },
            "TRAINER": {"NAME": "", **METHODS},
        }
    )


def _input() -> dict:
    return {
        "SIZE": (224, 224),
        "INTERPOLATION": "bilinear",
        "TRANSFORMS": (),
        "NO_TRANSFORM": False,
        "READ_AS": "",  # stored or shown (dassl/utils/reader.py); "": stored
        "PIXEL_MEAN": [0.485, 0.456, 0.406],
        "PIXEL_STD": [0.229, 0.224, 0.225],
        "CROP_PADDING": 4,
        "RRCROP_SCALE": (0.08, 1.0),
        "CUTOUT_N": 1,
        "CUTOUT_LEN": 16,
        "GN_MEAN": 0.0,
        "GN_STD": 0.15,
        "RANDAUGMENT_N": 2,
        "RANDAUGMENT_M": 10,
        "COLORJITTER_B": 0.4,
        "COLORJITTER_C": 0.4,
        "COLORJITTER_S": 0.4,
        "COLORJITTER_H": 0.1,
        "RGS_P": 0.2,
        "GB_P": 0.5,
        "GB_K": 21,
    }


def _dataset() -> dict:
    return {
        "ROOT": "",
        "NAME": "",
        "SOURCE_DOMAINS": (),
        "TARGET_DOMAINS": (),
        "NUM_LABELED": -1,
        "NUM_SHOTS": -1,
        "VAL_PERCENT": 0.1,
        "STL10_FOLD": -1,
        "CIFAR_C_TYPE": "",
        "CIFAR_C_LEVEL": 1,
        "ALL_AS_UNLABELED": False,
    }


def _dataloader() -> dict:
    train = {"SAMPLER": "RandomSampler", "BATCH_SIZE": 32, "N_DOMAIN": 0, "N_INS": 16}
    return {
        "NUM_WORKERS": 4,
        "CACHE_MB": 1024,  # memory for decoded training images; 0: none
        "K_TRANSFORMS": 1,
        "RETURN_IMG0": False,
        "TRAIN_X": dict(train),
        "TRAIN_U": {"SAME_AS_X": True, **train},
        "TEST": {"SAMPLER": "SequentialSampler", "BATCH_SIZE": 32},
    }


def _optim() -> dict:
    return {
        "NAME": "adam",
        "LR": 0.0003,
        "WEIGHT_DECAY": 5e-4,
        "MOMENTUM": 0.9,
        "SGD_DAMPNING": 0,  # spelled as in Dassl
        "SGD_NESTEROV": False,
        "RMSPROP_ALPHA": 0.99,
        "ADAM_BETA1": 0.9,
        "ADAM_BETA2": 0.999,
        "EPS": 1e-8,  # of all but sgd
        "STAGED_LR": False,  # NEW_LAYERS at LR, the others at LR * BASE_LR_MULT
        "NEW_LAYERS": (),
        "BASE_LR_MULT": 0.1,
        "LR_SCHEDULER": "single_step",
        "STEPSIZE": (-1,),
        "GAMMA": 0.1,
        "MAX_EPOCH": 10,
        "WARMUP_EPOCH": -1,
        "WARMUP_TYPE": "linear",
        "WARMUP_CONS_LR": 1e-5,
        "WARMUP_MIN_LR": 1e-5,
        "WARMUP_RECOUNT": True,
    }


_C = _defaults()  # under this name in Dassl, too
