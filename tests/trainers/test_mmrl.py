"""MMRL and MMRL++: two logits, and which of them a test, a file and an export use."""

import numpy as np
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

import promptsrc
from promptsrc.clip.openai import CLIP
from promptsrc.inference.formats import write
from promptsrc.inference.prompt_file import read_prompts
from tests.parity import (
    batches_of,
    config_of,
    eval_images_of,
    load_cases,
    recorded,
    write_theirs,
)
from tests.parity.cases import MORE2 as GOLDENS
from tests.runs.test_unused import built
from tests.trainers.test_init_weights import trained as saved
from trainers.mmrl import are_trained

CASES, TOLERANCES = load_cases(GOLDENS)

NAMES = [name for name, case in CASES.items() if case["trainer"].startswith("MMRL")]


def trainer_of(name, output, which="class_names", **data):
    case = CASES[name]
    cfg = config_of(case, output)
    cfg.OPTIM.MAX_EPOCH, cfg.OPTIM.WARMUP_EPOCH, cfg.TASK = 1, 0, "B2N"
    cfg.DATASET.update(data)
    return recorded(TRAINER_REGISTRY.get(case["trainer"]), case[which], batches_of(case))(cfg)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_theirs_gives_its_logits(tmp_path, name):
    golden, epoch = write_theirs(GOLDENS, name, tmp_path / "theirs")
    cases = [("novel_class_names", "new", "novel"), ("class_names", "base", "fusion_train")]
    for which, half, recorded_as in cases:
        trainer = trainer_of(name, tmp_path, which, SUBSAMPLE_CLASSES=half)
        trainer.load_model(str(tmp_path / "theirs"), epoch)
        with torch.no_grad():
            logits = trainer.model_inference(eval_images_of(CASES[name])).numpy()
        expected = golden[f"eval_logits_{recorded_as}"]
        assert np.abs(logits - expected).max() <= TOLERANCES["fp32"]["logits"]


@pytest.mark.parametrize("name", NAMES)
def test_ours_hold_what_was_learned_under_their_keys(tmp_path, name):
    trainer = trainer_of(name, tmp_path)
    trainer.train()
    state = torch.load(trainer.checkpoint_path(tmp_path, 1), weights_only=True)["state_dict"]
    assert {key: [*value.shape] for key, value in state.items()} == CASES[name]["trainable"]


@pytest.mark.parametrize("node, parameters", [("MMRL", 4_992_256), ("MMRLpp", 813_312)])
def test_as_many_parameters_as_published(node, parameters):
    settings = {"template": "{}", "alpha": 0.7, "n": 5, "dim": 512, "layers": [*range(6, 13)]}
    own = {"beta": 0.9, "rank": 4, "proj_rank": 64} if node == "MMRLpp" else {}
    with torch.device("meta"):
        clip = CLIP(512, 224, 12, 768, 16, 77, 49408, 512, 8, 12)  # ViT-B/16
        prompts = TRAINER_REGISTRY.get(node).learner(clip, ["cat"], **settings, **own)
    assert sum(value.numel() for value in prompts.parameters()) == parameters


RULE = [  # task, classes, data set: whether a test may use what only trained classes have
    ("B2N", "base", "EuroSAT", True),
    ("B2N", "new", "EuroSAT", False),
    ("B2N", "all", "ImageNet", False),
    ("FS", "all", "EuroSAT", True),
    ("CD", "all", "ImageNet", True),
    ("CD", "all", "EuroSAT", False),
    ("CD", "all", "ImageNetV2", False),
]


@pytest.mark.parametrize("task, classes, dataset, trained", RULE)
def test_the_published_rule(tmp_path, task, classes, dataset, trained):
    cfg = config_of(CASES[NAMES[0]], tmp_path)
    cfg.TASK, cfg.DATASET.NAME, cfg.DATASET.SUBSAMPLE_CLASSES = task, dataset, classes
    assert are_trained(cfg) is trained


@pytest.mark.parametrize(
    "half, said",
    [
        ("base", "(class and representation features, as for trained classes)"),
        ("new", "(class features, as for new classes)"),
    ],
)
def test_the_log_of_a_test_says_it(tmp_path, capsys, half, said):
    _, epoch = write_theirs(GOLDENS, NAMES[0], tmp_path / "theirs")
    trainer = trainer_of(NAMES[0], tmp_path, SUBSAMPLE_CLASSES=half)
    trainer.load_model(str(tmp_path / "theirs"), epoch)
    trainer.test_loader = trainer.train_loader_x
    trainer.test()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"* Test-time knowledge: decoupled {said}"
    assert lines[-3].startswith("* error: ")


@pytest.mark.parametrize("task, fused", [("B2N", True), ("CD", False)])
def test_on_another_dataset_no_classes_are_trained(tmp_path, task, fused):
    saved(tmp_path / "run", "MMRL", TASK=task)
    _, other = built("MMRL", tmp_path / "test", TASK=task)  # not ImageNet, with the same names
    other.load_model(str(tmp_path / "run"), 1)
    assert other.prompts.are_trained == fused
    assert other.for_classes(other.classnames).prompts.are_trained == fused
    assert not other.for_classes([*other.classnames, "an owl"]).prompts.are_trained


def test_an_unknown_task_is_refused(tmp_path):
    cfg = config_of(CASES[NAMES[0]], tmp_path)
    cfg.TASK = "ALL"
    with pytest.raises(ValueError, match="TASK is 'ALL'; choose one of B2N, FS, CD"):
        recorded(TRAINER_REGISTRY.get("MMRL"), ["cat"], [])(cfg)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"REP_LAYERS": []}, r"REP_LAYERS is \[\]; list blocks from 1 to 4, in order"),
        ({"REP_LAYERS": [3, 2]}, r"REP_LAYERS is \[3, 2\]"),
        ({"REP_LAYERS": [2, 2]}, r"REP_LAYERS is \[2, 2\]"),
        ({"REP_LAYERS": [4, 5]}, r"REP_LAYERS is \[4, 5\]"),
        ({"N_REP_TOKENS": 0}, "N_REP_TOKENS is 0, .*; take 1 to 10000"),
        ({"ALPHA": 1.5}, "ALPHA 1.5; .* and 0 to 1"),
        ({"BETA": -0.5}, "BETA -0.5; .* and 0 to 1"),
        ({"RES_LORA_DIM": 0}, "RES_LORA_DIM is 0"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, changed, message):
    cfg = config_of(CASES["mmrlpp_default"], tmp_path)
    cfg.TRAINER.MMRLpp.update(changed)
    with pytest.raises(ValueError, match=message):
        recorded(TRAINER_REGISTRY.get("MMRLpp"), ["cat"], [])(cfg)


@pytest.mark.parametrize("name", ["mmrl_default", "mmrlpp_beta"])
def test_a_file_chooses_by_the_names_and_new_ones_have_a_class_matrix(tmp_path, name):
    trainer = trainer_of(name, tmp_path, SUBSAMPLE_CLASSES="base")
    trainer.train()
    classifier, images = promptsrc.load(tmp_path, "cpu"), eval_images_of(CASES[name])
    with torch.no_grad():
        encoded = trainer.model.encode(images)
        trained, other = (classifier.model(names) for names in (None, trainer.classnames[::-1]))
        torch.testing.assert_close(trained.classify(images), encoded.logits)
        torch.testing.assert_close(other.classify(images), encoded.logits.flip(1))
        more = classifier.model([*trainer.classnames, "an owl"]).classify(images)
        torch.testing.assert_close(more[:, :-1], encoded.class_logits)
    prompts = read_prompts(tmp_path)
    with pytest.raises(ValueError, match="are not image features times one class matrix"):
        write(prompts, None, tmp_path / "trained.npz")
    write(prompts, ["owl", "fox"], tmp_path / "new.pt2")
    write(prompts, ["owl", "fox"], tmp_path / "new.npz")
