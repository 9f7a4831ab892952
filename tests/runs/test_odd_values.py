"""Odd values for every key: what cannot be used ends in one line that names the key.

Each value goes the way of a command line: read, built, checked, one step and one test.
"""

import pytest
from dassl.data.datasets import build_dataset
from dassl.engine import build_trainer
from PIL import Image

import runs.embedded
from runs.arguments import parse_args, setup_config
from runs.config import default_config, merge_pairs
from runs.layout import is_zero_shot
from runs.saved_config import flat
from runs.settings import trainers
from runs.unused import Watched, check_used
from trainers.keys import own_keys

pytestmark = pytest.mark.slow
HUGE = str(10**12)
ODD = {
    bool: ["True", "False"],
    int: ["-1", "0", HUGE, f"-{HUGE}"],
    float: ["-1.0", "0.0", "1e300", "1e-300"],
    str: ["''", "odd", "'../x\\n'"],
    tuple: ["()", "(0,)", "(-1,-1)", "('a',)", "(0,0,0)", f"({HUGE},)"],
    list: ["[]", "[0]", "[0,0,0]", "['a','b','c']", "[1e300,1e300,1e300]"],
}
# DePT reads its base method's keys as that method does, so one base stands for all
ON_OTHERS = {f"ExtrasLinearProbe{base}" for base in trainers()} - {"ExtrasLinearProbeCoOp"}
LEARNING = [name for name in trainers() if not is_zero_shot(name) and name not in ON_OTHERS]
DEFAULTS = flat(default_config())
ELSEWHERE = {  # folders and the like, whose values tests/test_bad_input.py has; or slow
    "OUTPUT_DIR",
    "RESUME",
    "MODEL_DIR",
    "MODEL.BACKBONE.CACHE",
    "MODEL.COMPILE",
    "DATASET.ROOT",
    "DATASET.NAME",
}
SAYS = {  # what a line names in place of the key
    "MODEL.BACKBONE.NAME": "backbone",
    "TEXT_LOSS_WEIGHT": "loss is inf",
    "IMAGE_LOSS_WEIGHT": "loss is inf",
    "W": "loss is nan",  # infinity times a distance of 0
    "REG_WEIGHT": "loss is inf",
    "RESIDUAL_SCALE": "loss is nan",
    "ALPHA_SCALE": "loss is nan",
}


def keys_of(trainer):
    """The method's own keys; with PromptSRC, which stands for all, those that all share."""
    own = own_keys(trainer)
    shared = [key for key in DEFAULTS if not key.startswith("TRAINER.") and key not in ELSEWHERE]
    return [key for key in DEFAULTS if key.startswith(own)] + shared * (trainer == "PromptSRC")


def step_and_test(trainer):
    """What a run does: it trains (here one batch), and tests one."""
    trainer.init_writer = lambda _: None
    trainer.before_train()
    trainer.epoch, trainer.num_batches, trainer.batch_idx = 0, 2, 0
    trainer.set_model_mode("train")
    if trainer.optim:  # Tip-Adapter learns without steps
        trainer.forward_backward(next(iter(trainer.train_loader_x)))
    trainer._loader(trainer.cfg.TEST.SPLIT, "TEST.SPLIT")
    images, labels = trainer.parse_batch_test(next(iter(trainer.test_loader)))
    trainer.evaluator.process(trainer.model_inference(images), labels)
    trainer.evaluator.evaluate()


@pytest.mark.parametrize(
    "trainer, key", [(name, key) for name in LEARNING for key in keys_of(name)]
)
@pytest.mark.filterwarnings("ignore:OPTIM.STAGED_LR")
def test_an_odd_value_is_used_or_ends_in_one_line(trainer, key, tmp_path):
    pairs = ["DATASET.NUM_SHOTS", "1", "OPTIM.MAX_EPOCH", "1", "DATALOADER.NUM_WORKERS", "0"]
    for value in ODD[type(DEFAULTS[key])]:
        words = ["--trainer", trainer, "--output-dir", str(tmp_path), *pairs, key, value]
        args = runs.embedded.with_defaults(parse_args(words))
        try:
            cfg = Watched(setup_config(args))
            model = build_trainer(cfg)
            check_used(cfg, model, eval_only=False, typed=args.opts[::2])
            step_and_test(model)
        except (ValueError, OSError, KeyError, FloatingPointError) as refusal:
            said, leaf = str(refusal), key.rpartition(".")[2]
            assert leaf in said or SAYS.get(key, SAYS.get(leaf, key)) in said, (value, said)


@pytest.mark.parametrize("dataset", ["ImageFolder", "CSV"])
@pytest.mark.parametrize(
    "key", [k for k in DEFAULTS if k.startswith("DATASET.") and k != "DATASET.NAME"]
)
def test_an_odd_value_for_data_of_ones_own(dataset, key, tmp_path):
    lines = ["path,class,split"]
    for part in ("train", "test"):
        for label, name in enumerate(("ape", "bat")):
            path = tmp_path / "mine" / part / name / f"{part}.png"
            path.parent.mkdir(parents=True)
            Image.new("RGB", (8, 8), (90 * label, 90, 40 * len(part))).save(path)
            lines.append(f"{path},{name},{part}")
    (tmp_path / "mine" / "images.csv").write_text("\n".join(lines))
    own = {"NAME": dataset, "ROOT": str(tmp_path), "FOLDER": "mine"}
    for value in ODD[type(DEFAULTS[key])]:
        cfg = default_config()
        cfg.DATASET.update(own)
        try:
            merge_pairs(cfg, [key, value])
            build_dataset(cfg)
        except (ValueError, OSError) as refusal:
            leaf = key.rpartition(".")[2]
            names_the_place = key == "DATASET.FOLDER" and str(tmp_path) in str(refusal)
            assert leaf in str(refusal) or names_the_place, (value, refusal)
