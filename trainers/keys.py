"""The configuration keys of the shipped trainers, with their defaults.

Imports no PyTorch, so that a wrong key is refused at once.
"""

from typing import Any

from yacs.config import CfgNode

CONTEXT = 16  # N_CTX of CoOp, CoCoOp and their kin, where nobody sets it
WORDS = "a photo of a"  # CTX_INIT of the deep methods
NODES = {  # of trainers without a node of their own name alone
    "CLAP": ("TRAINER.ADAPTER.",),
    "CLIPLoRA": ("TRAINER.CLIP_LORA.",),
    "CLIPAdapter": ("TRAINER.CLIP_ADAPTER.",),
    "LinearProbe": ("TRAINER.LP_PLUS_PLUS.",),
    "KgCoOp": ("TRAINER.COOP.",),
    "ProGrad": ("TRAINER.COOP.", "LOSS."),
    "TaskRes": ("TRAINER.TaskRes.",),
    "TipAdapter": ("TRAINER.TIP_ADAPTER.",),
    "TipAdapterF": ("TRAINER.TIP_ADAPTER.",),
    "MMRL": ("TRAINER.MMRL.", "TASK"),
    "MMRLpp": ("TRAINER.MMRLpp.", "TASK"),
    "TCP": ("TRAINER.COOP.",),
}
# True and False are taken, too: in the files of some methods they say whether words are used.
TEXT_OR_BOOL = {"TRAINER.COOP.CTX_INIT"}
# Self-regulation for any method that learns prompts; PromptSRC has these keys in its own node.
# GPA_MEAN and GPA_STD count epochs. The defaults are for 20 epochs; three quarters of the epochs is
# the published choice of GPA_MEAN.
REGULATION = {
    "ENABLED": False,  # with IVLP it makes PromptSRC
    "TEXT_LOSS_WEIGHT": 25.0,  # lambda_2
    "IMAGE_LOSS_WEIGHT": 10.0,  # lambda_1
    "GPA_MEAN": 15.0,  # mu, the epoch that weighs most
    "GPA_STD": 1.0,  # sigma, in epochs
}
DEPT_ON = "ExtrasLinearProbe"  # its trainers are called that, and then the base method
DEPT_KEYS = ("TRAINER.LINEAR_PROBE.", "TRAINER.FILM.", "OPTIM.LR_EXP")
# Passes over the augmented training images whose features are kept; epochs train on them in turn.
# As many as MAX_EPOCH: new ones in each epoch, as published.
AUGMENT_EPOCHS = 20
REPRESENTATION = {  # of MMRL and MMRL++
    "ALPHA": 0.7,  # share of the class feature in losses and logits
    "REG_WEIGHT": 1.0,  # lambda, weight of the distances to the frozen features
    "REP_LAYERS": [],  # the blocks that tokens join, from 1
    "REP_DIM": 512,  # r, the size of a token before it is projected
    "N_REP_TOKENS": 5,
    "PREC": "fp16",  # fp32, fp16, amp, bf16
}
METHODS: dict[str, dict[str, Any]] = {
    "ADAPTER": {  # of CLAP, as its original calls it
        "INIT": "ZS",  # the only start that is taken: CLIP's class weights
        "CONSTRAINT": "l2",  # or none: ZS-LP
        "ENHANCED_BASE": "none",  # in published files; nothing follows from it
        "PREC": "fp32",  # always
    },
    "CLIP_LORA": {
        "ENCODER": "both",  # or text, vision
        "POSITION": "all",  # blocks: or bottom, mid, up, half-up, half-bottom, top3
        "PARAMS": ["q", "k", "v"],  # maps of the attention; o is its output
        "R": 2,  # the rank
        "ALPHA": 1.0,  # the scale, divided by the square root of the rank
        "DROPOUT": 0.25,  # of an update's input, in training
        "ITERS_PER_SHOT": 500,  # batches, times DATASET.NUM_SHOTS
        "PREC": "amp",  # fp32, fp16, amp, bf16
    },
    "CLIP_ADAPTER": {
        "RATIO": 0.2,  # of the bottleneck's output; the rest is CLIP's feature
        "REDUCTION": 4,  # the bottleneck is that many times narrower than the features
        "AUGMENT_EPOCHS": AUGMENT_EPOCHS,
        "PREC": "fp32",  # always
    },
    "COCOOP": {
        "N_CTX": CONTEXT,  # vectors; with CTX_INIT as many as it has words
        "CTX_INIT": "",  # words that the context starts from
        "PREC": "fp16",  # fp32, fp16, amp, bf16
    },
    "COOP": {  # KgCoOp, ProGrad and TCP have these keys, too
        "N_CTX": CONTEXT,  # vectors; with CTX_INIT as many as it has words
        "CSC": False,  # class-specific context; needs an empty CTX_INIT
        "CTX_INIT": "",  # words that the context starts from; but for CoOp, True: the method's own
        "W": 1.0,  # KgCoOp: weight of its term
        "PREC": "fp16",  # fp32, fp16, amp, bf16
        "CLASS_TOKEN_POSITION": "end",  # or middle, front
    },
    "FILM": {"LINEAR_PROBE": True},  # DePT: the probe reads scaled and shifted features
    "IVLP": {
        "N_CTX_VISION": 2,  # vectors per layer, image tower
        "N_CTX_TEXT": 2,  # vectors per layer, text tower
        "CTX_INIT": WORDS,  # that the first text vectors start from
        "PREC": "fp16",  # fp32, fp16, amp, bf16
        "PROMPT_DEPTH_VISION": 9,  # layers with vectors; 0: no image prompts
        "PROMPT_DEPTH_TEXT": 9,  # at least 1
    },
    "LINEAR_PROBE": {  # DePT, with any method
        "TYPE": "linear",  # or similarity, without a layer of its own
        "WEIGHT": 0.7,  # lambda, of the probe's loss and logits
        "TEST_TIME_FUSION": True,  # False: the probe alone, for classes trained on
    },
    "LP_PLUS_PLUS": {
        "ITERATIONS": 300,  # each on all images
        "ALPHA_EVERY": 10,  # iterations between those that move alpha
        "ALPHA_SCALE": 250.0,  # of its start
        "PREC": "fp32",  # fp32, fp16, amp, bf16
    },
    "MAPLE": {
        "N_CTX": 2,  # vectors per layer
        "CTX_INIT": WORDS,  # that the first text vectors start from
        "PREC": "fp16",  # fp32, fp16, amp, bf16
        "PROMPT_DEPTH": 9,  # layers with vectors, at least 1
    },
    "MMRL": REPRESENTATION,
    "MMRLpp": {
        **REPRESENTATION,
        "BETA": 0.9,  # share of the new tokens, from the second listed block on
        "PROJ_LORA_DIM": 64,  # rank of what is added to CLIP's image projection
        "RES_LORA_DIM": 4,  # rank of what a block adds to its tower's map of the tokens
    },
    "PROMPTSRC": {
        "N_CTX_VISION": 4,  # vectors per layer, image tower
        "N_CTX_TEXT": 4,  # vectors per layer, text tower
        "CTX_INIT": WORDS,  # that the first text vectors start from
        "PREC": "fp16",  # fp32, fp16, amp, bf16
        "PROMPT_DEPTH_VISION": 9,  # layers with vectors; 0: no image prompts
        "PROMPT_DEPTH_TEXT": 9,  # at least 1
        **{key: value for key, value in REGULATION.items() if key != "ENABLED"},
    },
    "TIP_ADAPTER": {
        "ALPHA": 1.17,  # weight of the cache
        "BETA": 1.0,  # its sharpness
        "AUGMENT_EPOCHS": 10,  # passes whose mean features are the keys
        "SEARCH": "none",  # or val: alpha and beta with the best accuracy on validation images
        "SEARCH_SCALE": [7, 3],  # the largest beta and alpha of the search; from 0.1 on
        "SEARCH_STEP": [200, 20],  # how many of each
        "PREC": "fp16",  # fp32, fp16, amp, bf16
    },
    "TaskRes": {
        "RESIDUAL_SCALE": 1.0,  # a, of what is learned
        "AUGMENT_EPOCHS": AUGMENT_EPOCHS,
        # published files set these, and nothing follows from them; the precision is always fp32
        **{"PREC": "fp16", "ENHANCED_BASE": "none", "N_CTX": CONTEXT, "CSC": False},
        **{"CTX_INIT": "", "CLASS_TOKEN_POSITION": "end"},
    },
    "VPT": {
        "N_CTX_VISION": 2,  # vectors per layer
        # published files set these two; the text is always "a photo of a <name>.", the precision
        # fp32
        "CTX_INIT": WORDS,
        "PREC": "fp16",
        "PROMPT_DEPTH_VISION": 1,  # layers with vectors, at least 1
    },
}


def own_keys(trainer: str) -> tuple[str, ...]:
    """How the configuration keys of a trainer start."""
    base = trainer.removeprefix(DEPT_ON)
    own = NODES.get(base, (f"TRAINER.{base.upper()}.",))
    return own if base == trainer else (*own, *DEPT_KEYS)


def learns(trainer: str) -> bool:
    """Whether it is a shipped trainer that learns something."""
    return own_keys(trainer)[0].split(".")[1] in METHODS


def extend_cfg(cfg: CfgNode) -> None:
    # folder for OpenAI's weights, in place of CLIP_CACHE's or ~/.cache/clip
    cfg.MODEL.BACKBONE.CACHE = ""
    # a step as one compiled graph, for GPUs that wait for the host (few classes)
    cfg.MODEL.COMPILE = False
    # how many class texts are encoded at a time, to bound the memory; 0: as many as it allows
    cfg.MODEL.TEXTS_AT_ONCE = 0
    # the prompts of every epoch stay, each in a file: `python -m sweep.gpa` averages them anew
    cfg.TRAIN.KEEP_EPOCHS = False
    # a test of base classes also reads the images of new ones, and scores both among all classes
    # (docs/RESULTS.md); CoCoOp then encodes about five times as many texts
    cfg.TEST.ALL_CLASSES = True
    # a test leaves features.npz: features of images and classes, logits, labels (docs/RESULTS.md)
    cfg.TEST.SAVE_FEATURES = False
    # the cross-entropy: labels are smoothed by this share; balanced: rare classes count as much
    cfg.TRAIN.LABEL_SMOOTHING = 0.0
    cfg.TRAIN.CLASS_WEIGHTS = "none"
    # MMRL and MMRLpp: which tests are of classes trained on, where a checkpoint does not name them.
    # B2N: of the base classes, FS: all, CD: of ImageNet
    cfg.TASK = "B2N"
    cfg.REGULATION = CfgNode(REGULATION)
    # ProGrad: the temperature, and how much of an opposing gradient is removed (lambda, 0 to 1)
    cfg.LOSS = CfgNode({"NAME": "prograd", "T": 1.0, "LAMBDA": 1.0})
    cfg.OPTIM.LR_EXP = 6.5  # DePT: the probe learns at LR times that
    # in published files of DePT; all of it is trained
    cfg.TRAINER.NAMES_TO_UPDATE = ["prompt_learner", "linear_probe", "film"]
    for node, keys in METHODS.items():
        cfg.TRAINER[node] = CfgNode(keys)
