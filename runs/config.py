"""The configuration of a run: defaults, then files and KEY VALUE pairs merged into them.

yacs's own merge refuses an int for a float, takes infinite numbers, and names no nearest key.
"""

import ast
import difflib
import functools
import math
import operator
import reprlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dassl.config import get_cfg_default
from yacs.config import CfgNode

import datasets
import trainers
from runs.saved_config import NAME, flat
from runs.settings import CONFIGS
from runs.yaml_file import read_yaml
from trainers.keys import TEXT_OR_BOOL

KINDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    tuple: "a tuple",
    list: "a list",
}
SHORT = reprlib.Repr()  # of values in messages: a few bytes of YAML can stand for gigabytes
SHORT.maxlevel, SHORT.maxstring, SHORT.maxlong, SHORT.maxother = 2, 200, 200, 200


def default_config() -> CfgNode:
    """Dassl's defaults, the keys of our datasets and methods, and those of train.py."""
    cfg = get_cfg_default()
    datasets.extend_cfg(cfg)
    trainers.extend_cfg(cfg)
    cfg.MODEL_DIR = ""  # --eval-only: the run whose checkpoint is tested
    cfg.LOAD_EPOCH = -1  # its epoch; -1: the best one, or the last of a finished training
    cfg.DETERMINISTIC = False  # repeat bit for bit on a GPU, too
    return cfg


def merge_file(cfg: CfgNode, path: str) -> None:
    """Set the keys of a YAML file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not YAML, or a key or a value is not allowed.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no config file {path}; {_config_files(file)}")
    merge(cfg, flat(read_yaml(file)), path)


def _config_files(wanted: Path) -> str:
    """Those beside a file that is not there; without such the shipped one whose path is closest."""
    if there := ", ".join(sorted(file.name for file in wanted.parent.glob("*.yaml"))):
        return f"{wanted.parent} has {there}"
    shipped = [str(file) for file in sorted(CONFIGS.rglob("*.yaml"))]
    named = [file for file in shipped if Path(file).stem == wanted.stem]
    close = difflib.get_close_matches(
        str(wanted), named or shipped, n=1, cutoff=0 if named else 0.6
    )
    return f"did you mean {close[0]}?" if close else f"{CONFIGS} has the shipped ones"


def config_of_run(folder: Path, root: str = "") -> CfgNode:
    """The configuration in the folder of a run.

    Args:
        root: folder of the datasets, instead of the run's DATASET.ROOT.

    Raises:
        FileNotFoundError: it has none.
        ValueError: it is damaged.
    """
    cfg = default_config()
    merge_file(cfg, str(folder / NAME))
    cfg.DATASET.ROOT = root or cfg.DATASET.ROOT
    return cfg


def merge_pairs(cfg: CfgNode, pairs: Sequence[str]) -> None:
    """Set `KEY VALUE KEY VALUE ...` of a command line.

    Raises:
        ValueError: a key has no value, or a key or a value is not allowed.
    """
    if flags := [word for word in pairs[::2] if word.startswith("--")]:
        raise ValueError(f"{flags[0]} follows KEY VALUE pairs; put flags before them")
    if len(pairs) % 2:
        raise ValueError(f"KEY VALUE pairs expected at the end; {pairs[-1]!r} has no value")
    merge(cfg, dict(zip(pairs[::2], pairs[1::2], strict=True)), "command line")


def merge(cfg: CfgNode, values: Mapping[str, Any], source: str) -> None:
    """Set dotted keys, each to a value of its default's type."""
    defaults = flat(cfg)
    for key, value in values.items():
        if key not in defaults:
            raise ValueError(f"{key} ({source}) is not a config key; {_hint(key, list(defaults))}")
        *nodes, leaf = key.split(".")
        node = functools.reduce(operator.getitem, nodes, cfg)
        if key in TEXT_OR_BOOL and str(value) in ("True", "False"):
            node[leaf] = str(value) == "True"
        else:
            default = "" if key in TEXT_OR_BOOL else defaults[key]
            node[leaf] = _like_default(default, value, f"{key} ({source})")


def _hint(key: str, keys: Sequence[str]) -> str:
    if inside := [other for other in keys if other.startswith(f"{key}.")]:
        return f"it is a group: {', '.join(inside)}"
    if close := difflib.get_close_matches(key, keys, n=1):
        return f"did you mean {close[0]}?"
    return f"keys start with {', '.join(sorted({other.split('.')[0] for other in keys}))}"


def _like_default(default: Any, value: Any, name: str) -> Any:
    """The value in the type of the default: int and float count as one, so do tuple and list."""
    decoded = _evaluated(value) if isinstance(value, str) else value
    kind = type(default)
    if kind is str and isinstance(value, str):
        return decoded if isinstance(decoded, str) else value
    if kind is float and type(decoded) is int and abs(decoded) < 2**1023:
        decoded = float(decoded)
    elif kind is int and isinstance(decoded, float) and decoded.is_integer():
        decoded = int(decoded)
    elif kind in (tuple, list) and isinstance(decoded, tuple | list):
        decoded = kind(decoded)
    if type(decoded) is not kind or not _is_plain(decoded, default):
        shown = SHORT.repr(value)
        raise ValueError(f"{name} is {shown}; it takes {KINDS[kind]} such as {default!r}")
    return decoded


def _evaluated(text: str) -> Any:
    """A Python literal, as yacs reads it, or else the text: `1e-5` is text to YAML."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's, about odd code
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _is_plain(value: Any, default: Any) -> bool:
    """Whether numbers are finite, and a sequence holds numbers, or texts if the default may."""
    if isinstance(value, float):
        return math.isfinite(value)
    if not isinstance(value, tuple | list):
        return True
    kinds = int | float if default and not isinstance(default[0], str) else int | float | str
    return all(
        isinstance(item, kinds) and not isinstance(item, bool) and _is_plain(item, item)
        for item in value
    )
