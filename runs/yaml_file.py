"""Reads a YAML file that may hold anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

# `!!bool x` is a KeyError, `!!int ""` an IndexError, `!!timestamp x` an AttributeError
DAMAGE = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


MOST_VALUES = 100_000  # a configuration has a few hundred


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice; YAML would take the second one silently.

    Also refuses anchors by which a short file stands for a vast one.
    """

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None and (count := _count(node, {})) > MOST_VALUES:
            raise ValueError(f"its anchors make {float(count):.0e} values of it")
        return node

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict:
        seen = set()
        for key in [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else ():
            if (name := (key.tag, str(key.value))) in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"duplicate key {key.value}", problem_mark=key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def _count(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """How many values a node stands for, with what its anchors repeat."""
    if node not in known:
        known[node] = MOST_VALUES + 1  # while it is counted: a node within itself has no end
        if isinstance(node, yaml.MappingNode):
            within = [value for _, value in node.value]
        else:
            within = node.value if isinstance(node, yaml.SequenceNode) else []
        known[node] = 1 + sum(_count(value, known) for value in within)
    return known[node]


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
