"""Keys that are set but change nothing: a run stops before it trains, and names them.

The trainer gets a configuration that notes which keys are read. Engine, trainers and datasets read
a key only where it is used, so one that nobody has read has no effect. That holds for anybody's
trainer or dataset, too: they are free to read any key while they are built.
"""

from collections.abc import Container, Mapping
from typing import Any

from dassl.engine import TrainerXU
from yacs.config import CfgNode

from runs.config import SHORT, default_config
from runs.saved_config import flat

# Read by train.py, or only after everything is built.
BY_EVERY_RUN = {
    "OUTPUT_DIR",
    "SEED",
    "USE_CUDA",
    "VERBOSE",
    "DETERMINISTIC",
    "TEST.SPLIT",
    "TEST.PER_CLASS_RESULT",
    "TEST.COMPUTE_CMAT",
    # --eval-only takes the method file of the training, and tests whatever these are
    "TEST.NO_TEST",
    "TRAIN.CHECKPOINT_FREQ",
    "TRAIN.CHECKPOINT_MINUTES",
    "TRAIN.PRINT_FREQ",
}
OF_METHOD_FILES = ("OPTIM.", "TRAIN.", "TRAINER.", "MODEL.COMPILE")  # zero-shot CLIP takes CoOp's
IN_METHOD_FILES = ("OPTIM.", "INPUT.", "TRAINER.")


class _Reads(set[str]):
    """The dotted keys that were read; copies of a configuration share them."""

    def __deepcopy__(self, _: Any) -> "_Reads":
        return self


class Watched(CfgNode):
    """A copy of a configuration that notes which of its keys are read."""

    def __init__(self, node: Mapping[str, Any], prefix: str = "", reads: _Reads | None = None):
        super().__init__()
        reads = _Reads() if reads is None else reads
        self.__dict__.update(_prefix=prefix, _reads=reads)
        for key, value in node.items():
            nested = isinstance(value, CfgNode)
            self[key] = Watched(value, f"{prefix}{key}.", reads) if nested else value

    def __getitem__(self, key: str) -> Any:
        self.__dict__["_reads"].add(f"{self.__dict__['_prefix']}{key}")
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401 (it would call itself)

    def has_read(self, key: str) -> bool:
        """Whether something has read this dotted key."""
        return key in self.__dict__["_reads"]


def check_used(cfg: Watched, trainer: Any, eval_only: bool, typed: Container[str] = ()) -> None:
    """Check that each key with a value of its own is used; call it when the trainer is built.

    What a method file says for an optimizer, a warm-up, a transform or a method that something else
    has replaced is named in a line; so is the training of a method that learns nothing.

    Args:
        typed: the keys on the command line, which are never ignored.

    Raises:
        ValueError: nothing uses some keys.
    """
    defaults, values = flat(default_config()), flat(cfg)
    changed = {key: value for key, value in values.items() if value != defaults.get(key, value)}
    unused = {key: changed[key] for key in changed if not _is_used(key, cfg, trainer, eval_only)}
    learns = bool(trainer.get_model_names())
    ignored = {
        key: value
        for key, value in unused.items()
        if (key.startswith(IN_METHOD_FILES) and key not in typed)
        or (key.startswith(OF_METHOD_FILES) and not learns)
    }
    if refused := {key: value for key, value in unused.items() if key not in ignored}:
        these, them = ("this key", "it") if len(refused) == 1 else ("these keys", "them")
        raise ValueError(
            f"{_listed(refused)}: {cfg.TRAINER.NAME} on {cfg.DATASET.NAME} does not use {these} "
            f"with these settings; leave {them} out"
        )
    if ignored:
        name = cfg.TRAINER.NAME if learns else f"{cfg.TRAINER.NAME}, which learns nothing"
        print(f"Not used by {name}, with these settings: {_listed(ignored)}")


def _is_used(key: str, cfg: Watched, trainer: Any, eval_only: bool) -> bool:
    own = getattr(trainer, "node", cfg.TRAINER.NAME).upper()
    if key == "TRAINER.NAME" or key.upper().startswith(f"TRAINER.{own}."):
        return True  # a method may read its own keys at any time
    learns = bool(trainer.get_model_names())
    if not learns and key.startswith(OF_METHOD_FILES):
        return False
    if key == "TRAIN.COUNT_ITER":
        return isinstance(trainer, TrainerXU)
    if key == "DATASET.NUM_SHOTS" and eval_only:  # compared with the run that is tested
        return True
    if key in ("MODEL_DIR", "LOAD_EPOCH"):
        return learns and eval_only
    if key == "RESUME":
        return learns and not eval_only
    if key.startswith("DATALOADER.TEST.") and cfg.TEST.NO_TEST:  # there may be no test part
        return True
    if key == "TEST.FINAL_MODEL":
        return learns and (eval_only or not cfg.TEST.NO_TEST)
    return key in BY_EVERY_RUN or cfg.has_read(key)


def _listed(keys: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {SHORT.repr(value)}" for key, value in keys.items())
