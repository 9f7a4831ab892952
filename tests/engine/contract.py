"""The names of `dassl` and their signatures: written down from Dassl.pytorch 0.6.3, held to ours.

    PYTHONPATH=DASSL_PYTORCH python tests/engine/contract.py > tests/engine/contract.json

    {module: {name: fact}}

A fact is the signature of a function, "value", "import" of another package, "class" of another
module of dassl, or for a class its own attributes: signatures, "property" or "value".
"""

import inspect
import json
import pkgutil
from importlib import import_module
from types import ModuleType

SPECIAL = ("__init__", "__call__", "__len__", "__iter__", "__getitem__", "__str__")


def signature(function):
    """Names, kinds and defaults, without annotations."""
    parameters = [
        p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(parameters))


def fact_of(value, module):
    home = getattr(value, "__module__", None) or ""
    if isinstance(value, ModuleType):
        return "import"
    if not callable(value):
        return "value"
    if not home.startswith("dassl"):
        return "import"
    if not inspect.isclass(value):
        return signature(value)
    return attributes(value) if home == module else "class"


def attributes(cls):
    """Its own, not those of its bases."""
    return {
        name: attribute(value)
        for name, value in vars(cls).items()
        if name in SPECIAL or not name.startswith("__")
    }


def attribute(value):
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    return signature(value) if inspect.isfunction(value) else kind_of(value)


def kind_of(value):
    return "property" if isinstance(value, property) else "value"


def modules():
    import dassl

    return ["dassl", *sorted(m.name for m in pkgutil.walk_packages(dassl.__path__, "dassl."))]


def facts(module):
    """Name -> fact, without modules of dassl."""
    held = vars(import_module(module)).items()
    return {
        name: fact_of(value, module)
        for name, value in sorted(held)
        if (name == "__version__" or not name.startswith("__"))
        and not (isinstance(value, ModuleType) and value.__name__.startswith("dassl"))
    }


if __name__ == "__main__":
    print("{")
    lines = []
    for module in modules():
        names = [f"  {json.dumps(n)}: {json.dumps(f)}" for n, f in facts(module).items()]
        lines.append(f" {json.dumps(module)}: {{\n" + ",\n".join(names) + "\n }")
    print(",\n".join(lines) + "\n}")
