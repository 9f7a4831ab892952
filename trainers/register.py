"""All trainers; importing this module registers them with Dassl."""

import pkgutil
from importlib import import_module

import trainers

MODULES = [
    import_module(f"trainers.{found.name}")
    for found in pkgutil.iter_modules(trainers.__path__)
    if found.name != "register"
]
