"""Names of trainers, datasets and evaluators."""

from collections.abc import Callable
from typing import Any


class Registry:
    """Maps names to objects; `register` decorates or is called."""

    def __init__(self, name: str):
        self._name = name
        self._objects: dict[str, Any] = {}

    def register(self, obj: Any = None, force: bool = False) -> Any:
        """Register an object under its `__name__`.

        Raises:
            KeyError: the name is taken, unless `force`.
        """
        if obj is None:
            return lambda decorated: self._add(decorated, force)
        return self._add(obj, force)

    def _add(self, obj: Callable, force: bool) -> Callable:
        name = obj.__name__
        if name in self._objects and not force:
            raise KeyError(
                f"{self._name} has a {name} already; register with force=True to replace it"
            )
        self._objects[name] = obj
        return obj

    def get(self, name: str) -> Any:
        """The object of this name.

        Raises:
            KeyError: there is none; names those that there are.
        """
        if name not in self._objects:
            raise KeyError(f"{self._name} has no {name!r}; it has {', '.join(self._objects)}")
        return self._objects[name]

    def registered_names(self) -> list[str]:
        return list(self._objects)
