"""Reads a YAML file that may hold anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

# `!!bool x` is a KeyError, `!!int ""` an IndexError, `!!timestamp x` an AttributeError
DAMAGE = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice; YAML would take the second one silently."""

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict:
        seen = set()
        for key in [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else ():
            if (name := (key.tag, str(key.value))) in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"duplicate key {key.value}", problem_mark=key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> Mapping[str, Any]:
    """The nested mapping in a YAML file.

    Raises:
        ValueError: it is not YAML, has a key twice, or is not a mapping.
    """
    try:
        values = _Loader(Path(path).read_text(encoding="utf-8")).get_single_data()
    except (*DAMAGE, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} is not YAML: {reason}; correct or replace it") from None
    if not isinstance(values, Mapping):
        raise ValueError(f"{path} is not a KEY: VALUE mapping; configs/ has examples")
    return values
