"""Names of trainers, datasets and evaluators."""

from typing import Any


class Registry:
    """Maps names to classes or functions; `register` is a decorator or a call."""

    def __init__(self, name: str):
        self._name = name
        self._obj_map: dict[str, Any] = {}

    def register(self, obj: Any = None, force: bool = False) -> Any:
        """Register an object under its `__name__`.

        Raises:
            KeyError: the name is taken, unless `force`.
        """
        if obj is None:
            return lambda decorated: self.register(decorated, force)
        self._do_register(obj.__name__, obj, force)
        return obj

    def _do_register(self, name: str, obj: Any, force: bool = False) -> None:
        if name in self._obj_map and not force:
            raise KeyError(f"{self._name} already has {name}; force=True replaces it")
        self._obj_map[name] = obj

    def get(self, name: str) -> Any:
        """The object of this name.

        Raises:
            KeyError: the name is not registered.
        """
        if name not in self._obj_map:
            raise KeyError(f"{self._name} has no {name!r}; it has {', '.join(self._obj_map)}")
        return self._obj_map[name]

    def registered_names(self) -> list[str]:
        return list(self._obj_map)
