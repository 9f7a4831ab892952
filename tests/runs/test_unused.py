"""Every key of the configuration is used, or refused, for every shipped trainer.

The walk changes each key and builds the trainer: what it builds differs, or a line names the key.
"""

from contextlib import redirect_stdout
from io import StringIO

import pytest
import torch
from dassl.config.methods import METHODS
from dassl.engine import TRAINER_REGISTRY, build_trainer

import runs.embedded
from runs.arguments import parse_args, setup_config
from runs.config import default_config
from runs.saved_config import flat
from runs.settings import CONFIGS, trainers
from runs.unused import Watched, check_used
from trainers.features import FeatureTrainer
from trainers.keys import own_keys

TRAINERS = trainers()
DEFAULTS = flat(default_config())
# Used by train.py itself or after the build, and tested there.
LATER = {
    "OUTPUT_DIR": "runs/test_folder.py",
    "SEED": "test_train.py",
    "DETERMINISTIC": "test_train.py",
    "USE_CUDA": "on a GPU",
    "VERBOSE": "the printed summary",
    "RESUME": "engine/test_trainer.py",
    "MODEL_DIR": "test_a_mode_has_keys_of_its_own",
    "LOAD_EPOCH": "test_a_mode_has_keys_of_its_own",
    "TEST.SPLIT": "engine/test_trainer.py",
    "TEST.FINAL_MODEL": "engine/test_trainer.py",
    "TEST.NO_TEST": "engine/test_trainer.py",
    "TEST.PER_CLASS_RESULT": "engine/test_evaluator.py",
    "TEST.COMPUTE_CMAT": "engine/test_evaluator.py",
    "TEST.ALL_CLASSES": "trainers/test_scored.py",
    "TEST.SAVE_FEATURES": "trainers/test_feature_file.py",
    "TRAIN.CHECKPOINT_FREQ": "engine/test_trainer.py",
    "TRAIN.CHECKPOINT_MINUTES": "engine/test_loop.py",
    "TRAIN.KEEP_EPOCHS": "sweep/test_gpa.py",
    "TRAIN.PATIENCE": "engine/test_trainer.py",
    "TRAIN.PRINT_FREQ": "engine/test_loop.py",
    "MODEL.BACKBONE.CACHE": "where files are, not what they are",
    "DATASET.ROOT": "where files are, not what they are",
    "LOSS.T": "trainers/test_prograd.py",
    "TRAINER.CLIP_LORA.ITERS_PER_SHOT": "trainers/test_lora.py",
    "LOSS.LAMBDA": "trainers/test_prograd.py",
    "TRAINER.CLIP_ADAPTER.AUGMENT_EPOCHS": "trainers/test_features.py",
    "TRAINER.TaskRes.AUGMENT_EPOCHS": "trainers/test_features.py",
    "TRAINER.TIP_ADAPTER.AUGMENT_EPOCHS": "trainers/test_features.py",
    "TRAINER.LP_PLUS_PLUS.ITERATIONS": "trainers/test_features.py",
    "TRAINER.LP_PLUS_PLUS.ALPHA_EVERY": "trainers/test_features.py",
    "TRAINER.LP_PLUS_PLUS.ALPHA_SCALE": "trainers/test_features.py",
}
# Another value of the key's kind, and what has to be set for it to matter.
CHANGED = {
    "DATALOADER.NUM_WORKERS": 1,
    "DATALOADER.CACHE_MB": 0,
    "DATALOADER.TEST.SAMPLER": "RandomSampler",
    "DATALOADER.TRAIN_X.SAMPLER": "SequentialSampler",
    "DATASET.SUBSAMPLE_CLASSES": "new",
    "DATASET.SOURCE_DOMAINS": ("photo",),
    "INPUT.INTERPOLATION": "nearest",
    "INPUT.TRANSFORMS": ("random_flip", "normalize"),
    "INPUT.RRCROP_SCALE": (0.3, 0.9),
    "OPTIM.NAME": "adam",
    "OPTIM.LR_SCHEDULER": "single_step",
    "OPTIM.WARMUP_TYPE": "linear",
}
BESIDE = {"OPTIM.WARMUP_TYPE": {"OPTIM.WARMUP_EPOCH": 3}}
OF_OPTIMIZERS = {f"OPTIM.{k}" for k in ("ADAM_BETA1", "ADAM_BETA2", "EPS", "MOMENTUM")}
OF_OPTIMIZERS |= {"OPTIM.SGD_DAMPNING", "OPTIM.SGD_NESTEROV"}
CHANGED_OF_METHODS = {
    "CTX_INIT": "an image of one",
    "PREC": "bf16",
    "CLASS_TOKEN_POSITION": "front",
    "STRONG_TRANSFORMS": ("random_flip",),
    "N_CTX": 3,
    "N_CTX_TEXT": 3,
    "PROMPT_DEPTH": 2,
    "PROMPT_DEPTH_TEXT": 2,
    "PROMPT_DEPTH_VISION": 2,
}


def configuration(trainer, output, **changed):
    words = ["--trainer", trainer, "--output-dir", str(output)]
    pairs = ["DATASET.NUM_SHOTS", "1", "DATALOADER.NUM_WORKERS", "0", "USE_CUDA", "False"]
    args = runs.embedded.with_defaults(parse_args([*words, *pairs]))
    args.dataset_config_file = str(CONFIGS / "datasets" / "emoji.yaml")  # 31 classes of 11 images
    cfg = setup_config(args)
    cfg.defrost()
    for key, value in changed.items():
        *nodes, leaf = key.split(".")
        node = cfg
        for name in nodes:
            node = node[name]
        node[leaf] = value
    return Watched(cfg)


def built(trainer, output, **changed):
    cfg = configuration(trainer, output, **changed)
    torch.manual_seed(1)
    with redirect_stdout(StringIO()):
        return cfg, build_trainer(cfg)


def another(key, value):
    """A value that is not this one; of its kind, and plausible."""
    if key in CHANGED or key.rpartition(".")[2] in CHANGED_OF_METHODS:
        return CHANGED.get(key, CHANGED_OF_METHODS.get(key.rpartition(".")[2]))
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple | list) and value and not isinstance(value[0], str):
        return type(value)(number + 1 for number in value)
    return {int: 7, float: 0.375, str: "other", tuple: ("other",), list: ["other"]}[type(value)]


def snapshot(trainer):
    """What a trainer would do, as text."""
    loaders = trainer.train_loader_x, trainer.test_loader
    parts = [type(trainer), type(trainer.evaluator), trainer.max_epoch, trainer.lab2cname]
    for loader in loaders:
        data = loader.dataset
        steps = [(type(step), vars(step)) for step in data.transform.transforms]
        parts += [steps, loader.batch_size, loader.num_workers, type(loader.sampler)]
        parts += [data.cache and data.cache.__dict__.keys(), [i.impath for i in data.data_source]]
    model = trainer.model
    frozen = model.frozen
    parts += [frozen.precision, getattr(frozen, "texts_at_once", None), _values(model)]
    for optim, schedule in zip(trainer._optims.values(), trainer._scheds.values(), strict=True):
        if optim is not None:
            groups = [{k: v for k, v in g.items() if k != "params"} for g in optim.param_groups]
            parts += [type(optim), groups, rates(schedule), trainer.run_forward == trainer.forward]
        learned = trainer.prompts.state_dict().items()
        parts += [{name: (value.shape, value.flatten()[:3]) for name, value in learned}]
        parts += [trainer.prompt_settings(), trainer.prompts.prefix]
        parts += [losses(trainer)]
        if trainer.regulation:
            r = trainer.regulation
            parts += [r.aggregation.weights, r.lambda_1, r.lambda_2]
    return repr(parts)


def losses(trainer):
    """The terms of the loss on two images and the logits of a test: a method's weights show."""
    size = trainer.model.frozen.resolution
    images = torch.randn(2, 3, size, size, generator=torch.manual_seed(0))
    with torch.no_grad():
        student = trainer.model.encode(images)
        student = student._replace(text=student.text.flip(0))  # not where a term starts from 0
        terms = trainer.losses(student, images, torch.tensor([0, 1]))
        return terms, trainer.model_inference(images)


def rates(schedule):
    if schedule is None:  # the trainer sets the rates itself
        return []
    found = []
    for done in range(6 if schedule else 0):
        schedule.load_state_dict({"last_epoch": done})
        found.append(schedule.get_last_lr())
    return found


def _values(model):
    return {name: value for name, value in vars(model).items() if isinstance(value, torch.Tensor)}


@pytest.fixture(scope="module")
def read_by_all(tmp_path_factory):
    """Keys that each trainer reads while it is built, without those of methods."""
    found = {}
    for name in TRAINERS:
        cfg, _ = built(name, tmp_path_factory.mktemp("run"))
        found[name] = {k for k in DEFAULTS if cfg.has_read(k) and not k.startswith("TRAINER.")}
    return found


def test_trainers_share_how_they_read_the_keys_of_all(read_by_all):
    reference = read_by_all["CoOp"]
    for name in TRAINERS:
        learns = not name.startswith("Zero")
        of_loss = ("TRAIN.LABEL_SMOOTHING", "TRAIN.CLASS_WEIGHTS")
        of_training = ("OPTIM.", "MODEL.COMPILE", "TRAIN.KEEP_EPOCHS", *of_loss)
        shared = {k for k in reference if learns or not k.startswith(of_training)}
        differ = (shared ^ read_by_all[name]) - {"REGULATION.ENABLED", "OPTIM.MAX_EPOCH"}
        differ = {key for key in differ if not key.startswith(own_keys(name))}
        if name == "CLIPLoRA" or issubclass(
            TRAINER_REGISTRY.get(name), FeatureTrainer
        ):  # their own
            differ = {key for key in differ if not key.startswith("OPTIM.")}
        if name == "TipAdapter":  # without a step, it has no loss
            differ -= {*of_loss}
        if configuration(name, "output").OPTIM.NAME != "sgd":
            differ -= OF_OPTIMIZERS
        assert differ <= {"MODEL.INIT_WEIGHTS"}, name


def keys_of(trainer):
    """The keys to walk for this trainer; those of all in one of them, which stands for all."""
    own = own_keys(trainer)
    foreign = tuple(f"TRAINER.{method}." for method in METHODS if method != "FIXMATCH")
    keys = [key for key in DEFAULTS if key not in LATER]
    shared = [key for key in keys if not key.startswith(foreign)]
    return [key for key in keys if key.startswith(own) or (trainer == "CoOp" and key in shared)]


@pytest.mark.parametrize(
    "trainer, key", [(name, key) for name in TRAINERS for key in keys_of(name)]
)
def test_a_changed_key_changes_what_is_built_or_is_refused(trainer, key, tmp_path):
    beside = BESIDE.get(key, {})
    value = another(key, flat(configuration(trainer, tmp_path))[key])
    try:
        cfg, changed = built(trainer, tmp_path, **{key: value}, **beside)
        check_used(cfg, changed, eval_only=False, typed=[key])
    except (ValueError, OSError, UserWarning) as refusal:
        assert key.rpartition(".")[2] in str(refusal) or str(value) in str(refusal), refusal
        return
    _, usual = built(trainer, tmp_path, **beside)
    assert snapshot(changed) != snapshot(usual)


REFUSED = {  # for all trainers
    "VERSION": 2,
    "MODEL.BACKBONE.PRETRAINED": False,
    "MODEL.HEAD.NAME": "mlp",
    "MODEL.HEAD.DROPOUT": 0.1,
    "DATASET.VAL_PERCENT": 0.2,
    "DATASET.NUM_LABELED": 4,
    "DATASET.STL10_FOLD": 1,
    "DATASET.CIFAR_C_LEVEL": 2,
    "DATASET.ALL_AS_UNLABELED": True,
    "DATASET.CSV_FILE": "other.csv",
    "DATASET.FOLDER": "photos",
    "DATALOADER.TRAIN_U.BATCH_SIZE": 4,
    "INPUT.GB_K": 5,
}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_what_nobody_reads_is_refused_in_one_line(trainer, tmp_path):
    cfg, model = built(trainer, tmp_path, **REFUSED)
    with pytest.raises(ValueError, match=f"{trainer} on Emoji does not use these keys") as refusal:
        check_used(cfg, model, eval_only=False, typed=REFUSED)
    assert all(key in str(refusal.value) for key in REFUSED)


def test_zero_shot_names_the_keys_of_coops_file_that_it_ignores(tmp_path, capsys):
    cfg, model = built("ZeroshotCLIP", tmp_path)
    check_used(cfg, model, eval_only=True)
    said = capsys.readouterr().out
    assert said.startswith("Not used by ZeroshotCLIP, which learns nothing, with these settings: ")
    assert "OPTIM.LR 0.00" in said and "TRAIN.PRINT_FREQ" in said


def test_a_line_names_what_the_command_line_has_replaced_in_the_method_file(tmp_path, capsys):
    cfg, model = built("CoOp", tmp_path, **{"OPTIM.WARMUP_EPOCH": 0})
    check_used(cfg, model, eval_only=False, typed=["OPTIM.WARMUP_EPOCH"])
    said = capsys.readouterr().out
    assert said == "Not used by CoOp, with these settings: OPTIM.WARMUP_TYPE 'constant'\n"


@pytest.mark.parametrize(
    "trainer, key, value, training, testing",
    [
        ("CoOp", "MODEL_DIR", "output", False, True),
        ("CoOp", "LOAD_EPOCH", 3, False, True),
        ("CoOp", "RESUME", "output", True, False),
        ("CoOp", "TEST.FINAL_MODEL", "best_val", True, True),
        ("CoOp", "TRAIN.COUNT_ITER", "train_u", False, False),
        ("CoOp", "TRAINER.IVLP.N_CTX_TEXT", 3, False, False),
        ("CoOp", "REGULATION.GPA_MEAN", 3.0, False, False),
        ("ZeroshotCLIP", "MODEL_DIR", "output", False, False),
        ("ZeroshotCLIP", "RESUME", "output", False, False),
        ("ZeroshotCLIP", "TEST.FINAL_MODEL", "best_val", False, False),
    ],
)
def test_a_mode_has_keys_of_its_own(trainer, key, value, training, testing, tmp_path):
    cfg, model = built(trainer, tmp_path, **{key: value})
    for eval_only, used in ((False, training), (True, testing)):
        try:
            check_used(cfg, model, eval_only, typed=[key])
            assert used
        except ValueError as refusal:
            assert not used and str(refusal).startswith(key)


def test_a_key_of_ones_own_method_may_be_read_late(tmp_path):
    cfg, model = built("CoOp", tmp_path)
    cfg.TRAINER["COOP"]["LATE"] = 3  # such as a weight that only the loss reads
    check_used(cfg, model, eval_only=False)


def test_copies_of_a_configuration_count(tmp_path):
    cfg = configuration("CoOp", tmp_path)
    copy = cfg.clone()
    assert not cfg.has_read("MODEL.HEAD.NAME")
    assert copy.MODEL.HEAD.NAME == "" and cfg.has_read("MODEL.HEAD.NAME")
    print(cfg), cfg.dump()
    assert not cfg.has_read("MODEL.HEAD.DROPOUT")
