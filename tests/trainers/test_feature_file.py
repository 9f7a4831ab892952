"""features.npz: the test in its arrays."""

import re

import numpy as np
import pytest
import torch

from tests.conftest import ROOT
from tests.runs.test_unused import built
from tests.trainers.test_scored import HALF, few

SAVED = {HALF: "base", "TEST.SAVE_FEATURES": True, "DATALOADER.TEST.BATCH_SIZE": 5}


def saved(trainer, folder, **changed):
    """The trainer, its accuracy, and the file."""
    _, model = built(trainer, folder, **SAVED, **changed)
    accuracy = few(model).test()
    with np.load(folder / "features.npz", allow_pickle=False) as found:
        return model, accuracy, dict(found)


@pytest.mark.parametrize("trainer", ["PromptSRC", "CLIPAdapter", "CoCoOp", "MMRL", "ZeroshotCLIP"])
def test_the_accuracy_follows_from_the_file(trainer, tmp_path):
    model, accuracy, found = saved(trainer, tmp_path)
    assert 100 * (found["logits"].argmax(1) == found["labels"]).mean() == pytest.approx(accuracy)
    items = model.dm.test_loader.dataset.data_source
    assert found["paths"].tolist() == [item.impath for item in items]
    assert found["labels"].tolist() == [item.label for item in items]
    assert found["classnames"].tolist() == model.classnames
    assert np.allclose(np.linalg.norm(found["images"], axis=1), 1, atol=1e-5)
    assert ("classes" in found) == (trainer != "CoCoOp")


@pytest.mark.parametrize("trainer", ["PromptSRC", "CLIPAdapter", "TaskRes", "ZeroshotCLIP2"])
def test_logits_are_those_of_the_features(trainer, tmp_path):
    model, _, found = saved(trainer, tmp_path)
    scale = float(model.model.frozen.clip.logit_scale.exp())
    expected = scale * found["images"] @ found["classes"].T
    assert np.allclose(found["logits"], expected, atol=1e-3)


def test_images_in_another_order_keep_their_paths(tmp_path):
    torch.manual_seed(3)
    _, accuracy, found = saved("CoOp", tmp_path, **{"DATALOADER.TEST.SAMPLER": "RandomSampler"})
    assert 100 * (found["logits"].argmax(1) == found["labels"]).mean() == pytest.approx(accuracy)
    assert found["paths"].tolist() != sorted(found["paths"]) and len(found["paths"]) == 16


def test_the_lines_in_the_page_read_it(tmp_path, monkeypatch):
    _, accuracy, _ = saved("CoOp", tmp_path / "output" / "run")
    page = (ROOT / "docs" / "RESULTS.md").read_text()
    [lines] = re.findall(r"```\n(import numpy.*?)```", page, re.S)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(lines, names)
    assert 100 * names["accuracy"] == pytest.approx(accuracy)


def test_it_is_left_out_unless_asked_for(tmp_path):
    _, model = built("CoOp", tmp_path)
    few(model).test()
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
