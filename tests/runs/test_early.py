"""Names are known if a file mentions them, so that methods of one's own are never refused."""

import pytest
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY

from runs import early


@pytest.mark.parametrize(
    "folder, registry", [("trainers", TRAINER_REGISTRY), ("datasets", DATASET_REGISTRY)]
)
def test_names_that_are_read_off_the_files_are_those_of_the_registry(folder, registry):
    ours = [
        name
        for name in registry.registered_names()
        if registry.get(name).__module__.startswith(f"{folder}.")
    ]
    assert early.registered(folder) == sorted(ours) and len(ours) >= 8


def test_a_method_of_ones_own_is_known_however_it_is_registered(tmp_path, monkeypatch):
    import trainers

    monkeypatch.setattr(trainers.__spec__, "submodule_search_locations", [str(tmp_path)])
    (tmp_path / "mine.py").write_text("from elsewhere import Mine, Other\nregister(Mine)\n")
    early._check_registered("Mine", "trainers")
    with pytest.raises(ValueError, match="'Min' is not available"):
        early._check_registered("Min", "trainers")


def test_a_name_of_dassl_is_known():
    early._check_registered("SimpleTrainer", "trainers", "dassl/engine")
    with pytest.raises(ValueError, match="'' is not available; choose one of .*ZeroshotCLIP2$"):
        early._check_registered("", "trainers", "dassl/engine")
