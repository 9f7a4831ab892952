"""The configuration of a run, in the field's order: defaults, dataset file, method file, flags, KEY VALUE pairs."""

import ast
import difflib
import math
import reprlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dassl.config import get_cfg_default
from yacs.config import CfgNode

import datasets.register
import trainers
from runs.yaml_file import read_settings


def default_config() -> CfgNode:
    """Dassl's defaults, the nodes of our datasets and methods, and what an evaluation loads."""
    cfg = get_cfg_default()
    datasets.extend_cfg(cfg)
    trainers.extend_cfg(cfg)
    cfg.MODEL_DIR = ""  # --eval-only: the run whose checkpoint is tested
    cfg.LOAD_EPOCH = -1  # its epoch; -1: the best one
    cfg.DETERMINISTIC = (
        False  # bitwise the same on a GPU, too, where some kernels are not by default
    )
    return cfg


def merge_file(cfg: CfgNode, path: str) -> None:
    """Set what a YAML file says.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not YAML, or names a key that does not exist or a value of the wrong kind.
    """
    file = Path(path)
    if not file.is_file():
        there = ", ".join(sorted(p.name for p in file.parent.glob("*.yaml"))) or "no config files"
        raise FileNotFoundError(f"no config file {path}; {file.parent} has {there}")
    _merge(cfg, read_settings(file), "", path)


def merge_pairs(cfg: CfgNode, pairs: Sequence[str]) -> None:
    """Set `KEY VALUE KEY VALUE ...` of a command line, KEY dotted.

    Raises:
        ValueError: a key without value, a key that does not exist, or a value of the wrong kind.
    """
    if flags := [word for word in pairs[::2] if word.startswith("--")]:
        raise ValueError(f"{flags[0]} stands behind KEY VALUE pairs; flags come before them")
    if len(pairs) % 2:
        raise ValueError(
            f"KEY VALUE pairs expected at the end of the command, {pairs[-1]!r} has no partner"
        )
    for key, text in zip(pairs[::2], pairs[1::2], strict=True):
        nested: Any = text
        for part in reversed(key.split(".")):
            nested = {part: nested}
        _merge(cfg, nested, "", "command line")


def _merge(cfg: CfgNode, values: Mapping, prefix: str, source: str) -> None:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in cfg:
            raise ValueError(
                f"{name} ({source}) is no config key; {_nearest(str(key), cfg, prefix)}"
            )
        if not isinstance(cfg[key], CfgNode):
            cfg[key] = _like_default(cfg[key], value, name, source)
        elif isinstance(value, Mapping):
            _merge(cfg[key], value, f"{name}.", source)
        else:
            raise ValueError(
                f"{name} ({source}) is a group of keys, not a value; it has {', '.join(cfg[key])}"
            )


def _nearest(key: str, cfg: CfgNode, prefix: str) -> str:
    close = difflib.get_close_matches(key, list(cfg), n=1)
    return f"did you mean {prefix}{close[0]}?" if close else f"keys there: {', '.join(sorted(cfg))}"


KINDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    tuple: "a tuple",
    list: "a list",
}


def _like_default(default: Any, value: Any, name: str, source: str) -> Any:
    """The value in the default's type: ints and floats stand for each other, so do tuples and lists."""
    decoded = _evaluated(value) if isinstance(value, str) else value
    if isinstance(default, str) and isinstance(value, str):
        return decoded if isinstance(decoded, str) else value
    if isinstance(default, float) and type(decoded) is int:
        decoded = _float(decoded)
    elif type(default) is int and isinstance(decoded, float) and decoded.is_integer():
        decoded = int(decoded)
    elif isinstance(default, tuple | list) and isinstance(decoded, tuple | list):
        decoded = type(default)(decoded)
    if type(decoded) is not type(default) or not _is_plain(decoded, default):
        shown = SHORT.repr(value)
        raise ValueError(
            f"{name} ({source}) is {shown}; it takes {KINDS[type(default)]} such as {default!r}"
        )
    return decoded


SHORT = reprlib.Repr()  # a few bytes of YAML can stand for gigabytes
SHORT.maxlevel, SHORT.maxstring, SHORT.maxlong, SHORT.maxother = 2, 200, 200, 200


def _evaluated(text: str) -> Any:
    """As Python where it can be, as yacs does: `1e-5` and `(224, 224)` are text to YAML."""
    try:
        with warnings.catch_warnings():  # of Python's about code that looks odd
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _is_plain(value: Any, default: Any) -> bool:
    """Numbers are finite; the elements of a tuple are plain as well, and numbers where the default's are."""
    if isinstance(value, float):
        return math.isfinite(value)
    if not isinstance(value, tuple | list):
        return True
    kinds = int | float if default and not isinstance(default[0], str) else int | float | str
    return all(
        isinstance(item, kinds) and not isinstance(item, bool) and _is_plain(item, item)
        for item in value
    )
