"""DePT on every method: published files, resume, rates, and what a test is told of its classes."""

import numpy as np
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

from promptsrc.inference.classifier import Classifier
from promptsrc.inference.prompt_file import read_foreign_checkpoint, read_prompts
from tests.parity import (
    batches_of,
    config_of,
    eval_images_of,
    load_cases,
    recorded,
    write_theirs,
)
from tests.parity.cases import MORE as GOLDENS
from tests.trainers.test_own_method import equal, late  # noqa: F401 (a fixture)
from trainers.dept import Decoupled

CASES, TOLERANCES = load_cases(GOLDENS)
HERE = TRAINER_REGISTRY.registered_names()
DEPT = [n for n, c in CASES.items() if n.startswith("dept_") and c["trainer"] in HERE]


def trainer_of(name, output, names=None, base=None, **changed):
    case = CASES[name]
    cfg = config_of(case, output)
    for key, value in changed.items():
        cfg.merge_from_list([key.replace("__", "."), value])
    base = base or TRAINER_REGISTRY.get(case["trainer"])
    torch.manual_seed(2)
    return recorded(base, names or case["class_names"], batches_of(case))(cfg)


@torch.no_grad()
def logits(trainer, name):
    return trainer.model_inference(eval_images_of(CASES[name])).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", DEPT)
def test_a_reference_checkpoint_gives_its_logits_on_trained_and_new_classes(tmp_path, name):
    golden = np.load(GOLDENS / f"{name}.npz")
    _, epoch = write_theirs(GOLDENS, name, tmp_path / "reference")
    for part, names, tested_by in [
        ("base", CASES[name]["class_names"], "similarity and probe"),
        ("new", CASES[name]["novel_class_names"], "similarity"),
        ("new", CASES[name]["class_names"], "similarity"),  # as many, and new by the configuration
    ]:
        trainer = trainer_of(name, tmp_path, names, DATASET__SUBSAMPLE_CLASSES=part)
        trainer.load_model(str(tmp_path / "reference"), epoch)
        array = {"base": "train", "new": "novel"}[part]
        if names == CASES[name]["class_names"] and part == "new":
            array = "similarity_train"
        difference = np.abs(logits(trainer, name) - golden[f"eval_logits_{array}"]).max()
        assert difference <= TOLERANCES["fp32"]["logits"]
        if "nofusion" not in name or part == "new":
            assert trainer.tested_by == tested_by


@pytest.mark.parametrize("name", ["dept_coop", "dept_maple", "dept_promptsrc"])
def test_a_reference_checkpoint_classifies_once_it_is_described(tmp_path, name):
    golden = np.load(GOLDENS / f"{name}.npz")
    write_theirs(GOLDENS, name, tmp_path / "reference")
    file = next((tmp_path / "reference").glob("*/model*"))
    cfg = config_of(CASES[name], tmp_path)
    words = cfg.TRAINER[TRAINER_REGISTRY.get(CASES[name]["trainer"]).node].CTX_INIT
    prompts = read_foreign_checkpoint(file, cfg.MODEL.BACKBONE.NAME, words)
    assert prompts.description["learner"] == "DecoupledPrompts"
    for part, names in (("train", "class_names"), ("novel", "novel_class_names")):
        model = Classifier(prompts, "cpu").model(CASES[name][names])
        with torch.no_grad():
            found = model.classify(eval_images_of(CASES[name])).numpy()
        difference = np.abs(found - golden[f"eval_logits_{part}"]).max()
        assert difference <= TOLERANCES["fp32"]["logits"]


@pytest.mark.parametrize("name", ["dept_coop", "dept_promptsrc"])
def test_an_interrupted_run_resumes_with_both_rates(tmp_path, name):
    whole = trainer_of(name, tmp_path)
    whole.train()
    (tmp_path / "stopped").mkdir()
    stopped = trainer_of(name, tmp_path / "stopped")
    saved = stopped.after_epoch

    def killed():
        saved()
        if stopped.epoch == 1:
            raise InterruptedError

    stopped.after_epoch = killed
    with pytest.raises(InterruptedError):
        stopped.train()
    resumed = trainer_of(name, tmp_path / "stopped")
    resumed.train()
    assert equal(resumed.prompts.state_dict(), whole.prompts.state_dict())
    assert [e["lr_after"] for e in resumed.epochs] == [e["lr_after"] for e in whole.epochs[2:]]


def rates(trainer):
    groups = trainer.optim.param_groups
    return [(len(group["params"]), pytest.approx(group["initial_lr"])) for group in groups]


def test_the_probe_learns_at_a_rate_of_its_own(tmp_path):
    published = [(1, 0.0035), (6, 0.02275)]
    assert rates(trainer_of("dept_coop", tmp_path)) == published
    unstaged = {"OPTIM__STAGED_LR": False, "OPTIM__BASE_LR_MULT": 0.1}
    assert rates(trainer_of("dept_coop", tmp_path, **unstaged)) == published
    staged = {"OPTIM__BASE_LR_MULT": 0.5, "OPTIM__LR_EXP": 2.0}
    assert rates(trainer_of("dept_coop", tmp_path, **staged)) == [(1, 0.00175), (6, 0.007)]


def test_some_trained_classes_are_tested_with_their_rows_of_the_probe(tmp_path):
    run = trainer_of("dept_coop", tmp_path)
    run.train()
    expected = logits(run, "dept_coop")
    some = trainer_of("dept_coop", tmp_path, [CASES["dept_coop"]["class_names"][i] for i in (3, 0)])
    some.load_model(str(tmp_path), 3)
    assert np.abs(logits(some, "dept_coop") - expected[:, [3, 0]]).max() < 1e-4


def test_prompts_of_other_classes_are_no_start(tmp_path):
    trainer_of("dept_coop", tmp_path).train()
    start = {"MODEL__INIT_WEIGHTS": str(tmp_path / "PromptLearner" / "model.pth.tar-3")}
    start["OUTPUT_DIR"] = str(tmp_path / "new")
    new = trainer_of("dept_coop", tmp_path, ["fox", "hen", "ape", "yak", "elk"], **start)
    with pytest.raises(ValueError, match="of MODEL.INIT_WEIGHTS have no probe of these classes"):
        new.train()
    names = CASES["dept_coop"]["class_names"]
    again = trainer_of("dept_coop", tmp_path, names, **start)
    again.train()
    assert again.prompts.probe.known


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_rate_that_trains_nothing_gets_a_line(tmp_path, value):
    with pytest.raises(ValueError, match=f"OPTIM.LR_EXP is {value}; it must be above 0"):
        trainer_of("dept_coop", tmp_path, OPTIM__LR_EXP=value)


def test_a_method_of_ones_own_is_decoupled_and_read_by_name(late, tmp_path):  # noqa: F811
    class LateDePT(Decoupled, late.Late):
        pass

    cfg = config_of(CASES["dept_ivlp"], tmp_path)
    late.extend_cfg(cfg)
    cfg.TRAINER.LATE.PREC, cfg.TRAINER.NAME = "fp32", "LateDePT"
    case = CASES["dept_ivlp"]
    run = recorded(LateDePT, case["class_names"], batches_of(case))(cfg)
    run.train()
    file = read_prompts(tmp_path)
    assert file.description["settings"]["module"] == "trainers.late"
    with torch.no_grad():
        found = Classifier(file, "cpu").model().classify(eval_images_of(case)).numpy()
    assert np.abs(found - logits(run, "dept_ivlp")).max() < 1e-4
