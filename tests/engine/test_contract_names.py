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
DIFFERENT = {  # why: names
    "not a dependency; found if it is installed": "dassl.data.datasets.base_dataset.gdown",
    "what a module imports for itself": """
        dassl.data.datasets.da.office31.listdir_nohidden
        dassl.data.datasets.da.office_home.listdir_nohidden
        dassl.data.datasets.da.office_home.osp dassl.data.datasets.da.office_home.Datum
        dassl.data.datasets.da.office_home.DatasetBase
        dassl.data.datasets.dg.digits_dg.listdir_nohidden dassl.data.datasets.dg.digits_dg.glob
        dassl.data.datasets.dg.office_home_dg.osp dassl.data.datasets.dg.office_home_dg.DatasetBase
        dassl.data.datasets.dg.vlcs.listdir_nohidden dassl.data.datasets.dg.vlcs.glob
        dassl.data.samplers.copy dassl.data.transforms.randaugment.PIL
        dassl.data.transforms.randaugment.torch dassl.modeling.head.mlp.functools
        dassl.modeling.ops.reverse_grad.Function dassl.modeling.ops.utils.np""",
    "how a dataset reads its folders": """
        dassl.data.datasets.da.office31.Office31._read_data
        dassl.data.datasets.da.office_home.OfficeHome._read_data
        dassl.data.datasets.da.visda17.VisDA17._read_data
        dassl.data.datasets.dg.pacs.PACS._error_paths dassl.data.datasets.dg.pacs.PACS._read_data
        dassl.data.datasets.dg.pacs.PACS._read_split_pacs
        dassl.data.datasets.dg.vlcs.VLCS._read_data""",
    "called by RandAugment, by position": """
        dassl.data.transforms.randaugment.AutoContrast dassl.data.transforms.randaugment.Equalize
        dassl.data.transforms.randaugment.Identity dassl.data.transforms.randaugment.Invert
        dassl.data.transforms.randaugment.SolarizeAdd""",
    "torchvision's blocks; an empty tuple for an empty list; called by autograd": """
        dassl.modeling.backbone.resnet.ResNet.__init__
        dassl.modeling.backbone.resnet.ResNet._init_params dassl.modeling.head.mlp.MLP.__init__
        dassl.modeling.ops.reverse_grad._ReverseGrad.forward
        dassl.modeling.ops.reverse_grad._ReverseGrad.backward""",
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
    asked, catch_all = re.findall(r"\w+", theirs), re.findall(r"\*+", theirs)
    kept = []
    for p in inspect.signature(ours).parameters.values():
        stars = re.match(r"\**", str(p))[0]
        if stars in catch_all or p.name in asked or not (stars or p.default is not p.empty):
            kept.append(p.replace(annotation=p.empty))
    return unnamed(str(inspect.Signature(kept))) == unnamed(theirs)


def unnamed(signature):
    """Nobody passes *args by that name."""
    return re.sub(r"(\*+)\w+", r"\1", signature)


@pytest.mark.parametrize("module", TABLE)
def test_names_and_signatures_are_those_of_0_6_3(module):
    known = " ".join(DIFFERENT.values()).split()
    wrong = []
    for name, fact in TABLE[module].items():
        path = f"{module}.{name}"
        if path in known or (ours := found(module, name)) is None:
            continue
        if isinstance(fact, dict):
            wrong += [f"{path}.{a}" for a, f in fact.items() if not has(ours, a, f)]
        elif fact.startswith("(") and not accepts(fact, ours):
            wrong.append(path)
    assert set(wrong) <= set(known)


def has(cls, name, fact):
    if not hasattr(cls, name):
        return False
    return not fact.startswith("(") or accepts(fact, inspect.getattr_static(cls, name))
