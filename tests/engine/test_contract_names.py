"""Every name and signature of Dassl.pytorch 0.6.3, on ours or on Dassl.pytorch itself.

PYTHONPATH=DASSL_PYTORCH:. python -m pytest -c /dev/null --noconftest tests/engine/test_contract*
"""

import inspect
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

TABLE = json.loads(Path(__file__).with_name("contract.json").read_text())
DIFFERENT = {  # why
    "dassl.data.datasets.base_dataset.gdown": "not a dependency; imported if it is installed",
}


def found(module, name):
    """The object, or None if the engine says that it leaves it out."""
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        assert re.search(r" is not in this engine, which has .*install Dassl\.pytorch", str(error))


def accepts(theirs, ours):
    """Whether what may be passed to one may be passed to the other; ours may take more."""
    ours = getattr(ours, "__func__", ours)  # of a class method
    asked = re.findall(r"\w+", theirs)
    optional = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    kept = [
        p.replace(annotation=p.empty)
        for p in inspect.signature(ours).parameters.values()
        if p.name in asked or (p.default is p.empty and p.kind not in optional)
    ]
    return str(inspect.Signature(kept)) == theirs


@pytest.mark.parametrize("module", TABLE)
def test_names_and_signatures_are_those_of_0_6_3(module):
    wrong = []
    for name, fact in TABLE[module].items():
        ours = None if f"{module}.{name}" in DIFFERENT else found(module, name)
        if ours is None:
            continue
        if isinstance(fact, dict):
            wrong += [f"{name}.{a}" for a, f in fact.items() if not has(ours, a, f)]
        elif fact.startswith("(") and not accepts(fact, ours):
            wrong.append(f"{name}{fact}, not {inspect.signature(ours)}")
    assert not wrong


def has(cls, name, fact):
    if not hasattr(cls, name):
        return False
    return not fact.startswith("(") or accepts(fact, inspect.getattr_static(cls, name))
