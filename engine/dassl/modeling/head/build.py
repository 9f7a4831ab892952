from typing import Any

from dassl.utils.registry import Registry
from dassl.utils.tools import check_availability

HEAD_REGISTRY = Registry("HEAD")


def build_head(name: str, verbose: bool = True, **kwargs: Any) -> Any:
    """The head of this name; `kwargs` go to its builder.

    Raises:
        ValueError: no head of that name is registered.
    """
    check_availability(name, HEAD_REGISTRY.registered_names())
    if verbose:
        print(f"Head: {name}")
    return HEAD_REGISTRY.get(name)(**kwargs)
