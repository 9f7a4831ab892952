"""A YAML file of settings, read without trust in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which the second would win in silence."""

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict:
        seen = set()
        for key in [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else ():
            if (key.tag, str(key.value)) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} is there twice", key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep)


def read_settings(path: str | Path) -> Mapping[str, Any]:
    """What the file says, nested.

    Raises:
        ValueError: it is not YAML, names a key twice, or holds no mapping.
    """
    path = Path(path)
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        try:
            values = loader.get_single_data()
        finally:
            loader.dispose()
    except OSError:
        raise
    # `!!bool x` is a KeyError, `!!timestamp x` an AttributeError, a thousand [ a RecursionError
    except Exception as error:
        raise ValueError(
            f"{path} is not YAML: {' '.join(str(error).split())}; correct or replace it"
        ) from None
    if not isinstance(values, Mapping):
        raise ValueError(
            f"{path} holds no KEY: VALUE mapping; see configs/ for what such a file looks like"
        )
    return values
