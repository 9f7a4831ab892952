"""Asking for what is left out: one sentence, naming what is here and where the rest is had."""

import contextlib

import pytest
from dassl.data.datasets import DATASET_REGISTRY, build_dataset
from dassl.elsewhere import IMPORTED, LEFT_OUT, is_left_out
from dassl.engine import TRAINER_REGISTRY, build_trainer

from tests.engine.test_contract_names import DIFFERENT, TABLE, found

SAYS = r"^{0} is not in this engine, which has .*; for {0} install Dassl.pytorch \(https://github"


@pytest.mark.parametrize("trainer", ["MCD", "DAELDG", "MeanTeacher"])
def test_trainers_that_are_left_out_say_so_before_any_setting_is_read(cfg, trainer):
    cfg.TRAINER.NAME, cfg.OPTIM.MAX_EPOCH = trainer, -1
    with pytest.raises(ValueError, match=SAYS.format(trainer)) as refusal:
        build_trainer(cfg)
    assert "ToyTrainer" in str(refusal.value) and "ToyTrainer" in TRAINER_REGISTRY._obj_map


def test_datasets_that_are_left_out_say_so(cfg):
    cfg.DATASET.NAME = "DomainNet"
    with pytest.raises(ValueError, match=SAYS.format("DomainNet")) as refusal:
        build_dataset(cfg)
    assert "Toy" in str(refusal.value) and "Toy" in DATASET_REGISTRY._obj_map


@pytest.mark.parametrize(
    "line, name",
    [
        ("from dassl.engine import MCD", "dassl.engine.MCD"),
        ("from dassl.engine.da import MCD", "dassl.engine.da"),
        ("import dassl.engine.da.mcd", "dassl.engine.da"),
        ("from dassl.engine.ssl import MixMatch", "dassl.engine.ssl.MixMatch"),
        ("from dassl.modeling import build_network", "dassl.modeling.build_network"),
        ("from dassl.modeling.ops import mixup", "dassl.modeling.ops.mixup"),
        ("from dassl.modeling.backbone import vgg16", "dassl.modeling.backbone.vgg16"),
        ("from dassl.data.datasets import DomainNet", "dassl.data.datasets.DomainNet"),
    ],
)
def test_imports_of_what_is_left_out_say_so(line, name):
    with pytest.raises(ImportError, match=SAYS.format(name)):
        exec(line)


def test_other_names_are_missing_as_usual():
    with pytest.raises(ModuleNotFoundError, match="No module named 'dassl.engin'"):
        exec("import dassl.engin")
    with pytest.raises(ImportError, match="cannot import name 'TrainerY'"):
        exec("from dassl.engine import TrainerY")
    assert not is_left_out("TrainerY")


def test_both_lists_are_of_names_that_dassl_has():
    for module, names in IMPORTED.items():
        for entry in names.split():
            place, _, alias = entry.partition("=")
            assert (alias or place.rpartition(".")[2]) in TABLE[module]
    for package, names in LEFT_OUT.items():
        known = {name for module in TABLE if module.startswith(package) for name in TABLE[module]}
        assert set(names.split()) <= known, package


@pytest.mark.parametrize("module", TABLE)
def test_a_star_imports_all_public_names_that_are_here(module):
    given = {}
    with contextlib.suppress(ModuleNotFoundError):  # a module that is left out
        exec(f"from {module} import *", given)
        known = " ".join(DIFFERENT.values()).split()
        wanted = {
            name
            for name in TABLE[module]
            if name[0] != "_" and f"{module}.{name}" not in known and found(module, name)
        }
        assert wanted <= set(given)
