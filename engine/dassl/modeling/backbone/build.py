from typing import Any

from dassl.utils.registry import Registry
from dassl.utils.tools import check_availability

BACKBONE_REGISTRY = Registry("BACKBONE")


def build_backbone(name: str, verbose: bool = True, **kwargs: Any) -> Any:
    """The backbone of this name; `kwargs` go to its builder.

    Raises:
        ValueError: no backbone of that name is registered.
    """
    check_availability(name, BACKBONE_REGISTRY.registered_names())
    if verbose:
        print(f"Backbone: {name}")
    return BACKBONE_REGISTRY.get(name)(**kwargs)
