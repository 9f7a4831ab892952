"""Checkpoints of the later methods: whole files of theirs load; ours hold what was learned."""

import numpy as np
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

from tests.parity import (
    batches_of,
    config_of,
    eval_images_of,
    load_cases,
    recorded,
    write_theirs,
)
from tests.parity.cases import MORE as GOLDENS

CASES, TOLERANCES = load_cases(GOLDENS)

NAMES = [name for name in CASES if not name.startswith("dept")]  # tests/trainers/test_dept.py


def trainer_of(name, output, which="novel_class_names", **optim):
    case = CASES[name]
    cfg = config_of(case, output)
    cfg.OPTIM.update(optim)
    return recorded(TRAINER_REGISTRY.get(case["trainer"]), case[which], batches_of(case))(cfg)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_theirs_gives_its_logits_on_new_classes(tmp_path, name):
    golden, epoch = write_theirs(GOLDENS, name, tmp_path / "theirs")
    trainer = trainer_of(name, tmp_path)
    trainer.load_model(str(tmp_path / "theirs"), epoch)
    with torch.no_grad():
        logits = trainer.model_inference(eval_images_of(CASES[name])).numpy()
    assert np.abs(logits - golden["eval_logits_novel"]).max() <= TOLERANCES["fp32"]["logits"]


@pytest.mark.parametrize("name", NAMES)
def test_ours_hold_what_was_learned_under_their_keys(tmp_path, name):
    case = CASES[name]
    trainer = trainer_of(name, tmp_path, "class_names", MAX_EPOCH=1)
    trainer.train()
    checkpoint = torch.load(trainer.checkpoint_path(tmp_path, 1), weights_only=True)
    prefix = case["checkpoint"]["state_dict_prefix"]
    learned = {key.removeprefix(prefix): shape for key, shape in case["trainable"].items()}
    assert {key: list(value.shape) for key, value in checkpoint["state_dict"].items()} == learned
    assert "buffers" not in trainer.description  # what the frozen CLIP gives is not saved


def test_a_whole_meta_net_is_not_coops(tmp_path):
    _, epoch = write_theirs(GOLDENS, "kgcoop_default", tmp_path / "theirs")
    path = tmp_path / "theirs" / "prompt_learner" / f"model.pth.tar-{epoch}"
    theirs = torch.load(path, weights_only=True)
    theirs["state_dict"]["meta_net.linear2.weight"] = torch.randn(128, 4)
    torch.save(theirs, path)
    with pytest.raises(ValueError, match=r"meta_net.linear1.weight is not expected; meta_net.lin"):
        trainer_of("kgcoop_default", tmp_path).load_model(str(tmp_path / "theirs"), epoch)


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_run_ends_bit_for_bit_the_same(tmp_path, name):
    def fresh(folder):
        (tmp_path / folder).mkdir(exist_ok=True)
        torch.manual_seed(1)
        return trainer_of(name, tmp_path / folder, "class_names")

    whole, stopped = fresh("whole"), fresh("stopped")
    whole.train()
    stopped.after_epoch = lambda: type(stopped).after_epoch(stopped) or kill()
    with pytest.raises(InterruptedError):
        stopped.train()
    resumed = fresh("stopped")
    resumed.train()
    assert resumed.start_epoch == 1
    for ours, theirs in zip(resumed.prompts.parameters(), whole.prompts.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def kill():
    raise InterruptedError
