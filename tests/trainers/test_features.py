"""Methods on cached features: what a pass is, what is kept, and that a resumed run is the same."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dassl.engine import TRAINER_REGISTRY

from promptsrc.adapters import BlendedProbe
from promptsrc.checkpoint import load_prompts, read_checkpoint
from promptsrc.inference.classifier import Classifier
from promptsrc.inference.prompt_file import read_prompts
from tests.runs.test_unused import built
from trainers.features import drawing_from

KEYS = {  # trainer: what its checkpoints hold, for 31 classes and 128 features
    "CLIPAdapter": {"fc.0.weight": (32, 128), "fc.2.weight": (128, 32)},
    "TaskRes": {"text_feature_residuals": (31, 128), "base_text_features": (31, 128)},
}
CACHE = {"cache_keys": (128, 31), "cache_values": (31, 31), "text_weights": (128, 31)}
KEYS |= dict.fromkeys(("TipAdapter", "TipAdapterF"), CACHE | {"alpha": (), "beta": ()})
KEYS["CLAP"] = {"prototypes": (31, 128), "base_text_features": (31, 128)}
PROBE = {"weight": (31, 128), "bias": (31,), "alpha": (1, 31), "text_weights": (128, 31)}
KEYS["LinearProbe"] = PROBE
FOR_ITS_CLASSES = [name for name in KEYS if name != "CLIPAdapter"]
QUICK = {"OPTIM.MAX_EPOCH": 3, "DATALOADER.TRAIN_X.BATCH_SIZE": 8, "TEST.NO_TEST": True}


def trainer_of(name, output, **changed):
    epochs = {} if TRAINER_REGISTRY.get(name).takes_epochs else {"OPTIM.MAX_EPOCH": 1}
    return built(name, output, **QUICK | epochs | changed)[1]


def stop_after(trainer, batches):
    """Stop as a signal does, after that many batches."""
    step, trainer.steps = trainer.forward_backward, 0

    def stopping(batch):
        done = step(batch)
        trainer.steps += 1
        if trainer.steps == batches:
            trainer.stop_signals.asked = "SIGTERM"
        return done

    trainer.forward_backward = stopping
    with pytest.raises(KeyboardInterrupt):
        trainer.train()


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trainers of all these methods after their epochs, by name, each made when it is asked for."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = trainer_of(name, tmp_path_factory.mktemp(name))
            made[name].train()
        return made[name]

    return get


def checkpoint_of(trainer):
    return trainer.checkpoint_path(trainer.output_dir, trainer.max_epoch)


@pytest.mark.parametrize("name", KEYS)
def test_a_checkpoint_holds_what_was_learned_and_classifies_as_the_trainer(name, trained):
    trainer = trained(name)
    state = read_checkpoint(checkpoint_of(trainer))["state_dict"]
    assert {key: tuple(value.shape) for key, value in state.items()} == KEYS[name]
    alone = Classifier(read_prompts(checkpoint_of(trainer)), "cpu")
    size = trainer.model.frozen.resolution
    images = torch.randn(3, 3, size, size, generator=torch.manual_seed(0))
    logits = trainer.model_inference(images)
    torch.testing.assert_close(alone.model().classify(images), logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in KEYS if name != "TipAdapter"])  # no steps
@pytest.mark.parametrize("batches", [1, 5])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(name, batches, trained, tmp_path):
    stop_after(trainer_of(name, tmp_path), batches)
    torch.manual_seed(99)  # another process, without a seed
    resumed = trainer_of(name, tmp_path)
    resumed.train()
    assert same(resumed.prompts.state_dict(), trained(name).prompts.state_dict())


@pytest.mark.parametrize("name", FOR_ITS_CLASSES)
def test_what_is_for_each_class_is_taken_by_name_or_refused(name, trained, tmp_path):
    trainer = trained(name)
    alone = Classifier(read_prompts(checkpoint_of(trainer)), "cpu")
    names = trainer.classnames
    size = trainer.model.frozen.resolution
    images = torch.randn(3, 3, size, size, generator=torch.manual_seed(0))
    some = alone.model([names[7], names[2]]).classify(images)
    of_all = alone.model().classify(images)[:, [7, 2]]
    torch.testing.assert_close(some, of_all, atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="has learned something for each class, but not for 'gnu'"):
        alone.model(["gnu", names[0]])
    half = trainer_of(name, tmp_path, **{"DATASET.SUBSAMPLE_CLASSES": "new"})
    half.load_model(trainer.output_dir, trainer.max_epoch)
    rows = [names.index(name) for name in half.classnames]
    expected = trainer.model_inference(images)[:, rows]
    torch.testing.assert_close(half.model_inference(images), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("key, rows", [("alpha", 0), ("text_weights", 5)])
def test_another_number_of_rows_than_of_names_is_refused(key, rows, trained):
    trainer = trained("LinearProbe")
    prompts = read_prompts(checkpoint_of(trainer))
    prompts.tensors[key] = prompts.tensors[key][..., :rows] if rows else torch.zeros(())
    learner = BlendedProbe(trainer.model.frozen.clip, trainer.classnames[:2])
    with pytest.raises(
        ValueError, match=f"names 31 classes, but its {key} is for {rows}; it is da"
    ):
        load_prompts(learner, prompts.tensors, "a file", prompts.description)


def test_a_bottleneck_is_for_any_classes(trained):
    alone = Classifier(read_prompts(checkpoint_of(trained("CLIPAdapter"))), "cpu")
    assert alone.model(["gnu", "owl"]).class_features().shape == (2, 128)


def test_a_step_on_features_is_that_on_their_images(tmp_path):
    trainer = trainer_of("CLIPAdapter", tmp_path)
    size = trainer.model.frozen.resolution
    images = torch.randn(4, 3, size, size, generator=torch.manual_seed(0))
    labels = torch.tensor([3, 0, 1, 1])
    cached = F.cross_entropy(trainer.encode(trainer.model.raw_features(images)).logits, labels)
    plain = F.cross_entropy(trainer.model.encode(images).logits, labels)
    assert torch.equal(cached, plain)
    parameters = list(trainer.prompts.parameters())
    pairs = zip(*(torch.autograd.grad(loss, parameters) for loss in (cached, plain)), strict=True)
    assert all(torch.equal(a, b) and a.any() for a, b in pairs)


def test_a_pass_is_every_image_once_and_follows_from_its_number(tmp_path):
    trainer = trainer_of("TaskRes", tmp_path)
    features, labels = trainer.rows_of_pass(0)
    assert features.shape == (31, 128) and labels.tolist() == [
        item.label for item in trainer.dm.dataset.train_x
    ]
    again = trainer_of("TaskRes", tmp_path)
    assert torch.equal(again.rows_of_pass(1)[0], trainer.rows_of_pass(1)[0])
    assert not torch.equal(trainer.rows_of_pass(1)[0], features)
    assert trainer.rows_of_pass(0)[0] is features  # kept


@pytest.mark.parametrize("passes, kept", [(2, [0, 1]), (7, [0, 1, 2])])
def test_epochs_take_the_passes_in_turn(tmp_path, passes, kept):
    trainer = trainer_of("TaskRes", tmp_path, **{"TRAINER.TaskRes.AUGMENT_EPOCHS": passes})
    trainer.train()
    assert sorted(trainer.passes) == kept and len(trainer.train_loader_x) == 31 // 8


def test_the_draws_of_a_pass_leave_the_others_alone():
    def draw():
        return random.random(), np.random.rand(), torch.rand(()).item()

    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    undisturbed = draw()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    with drawing_from(3):
        inside = draw()
    assert draw() == undisturbed != inside
    with drawing_from(3):
        assert draw() == inside


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"REGULATION.ENABLED": True}, "REGULATION.ENABLED is True, but TaskRes trains on cached"),
        ({"MODEL.COMPILE": True}, "MODEL.COMPILE is True, but TaskRes trains on cached features"),
        ({"DATALOADER.TRAIN_X.SAMPLER": "SequentialSampler"}, "SAMPLER is 'SequentialSampler', "),
        ({"TRAINER.TaskRes.AUGMENT_EPOCHS": 0}, "AUGMENT_EPOCHS is 0; give 1 to 10000"),
        ({"TRAINER.TaskRes.PREC": "bf16"}, "PREC is 'bf16', but TaskRes computes in fp32"),
        ({"TRAINER.TaskRes.CSC": True}, "TRAINER.TaskRes.CSC is True, but TaskRes does not use"),
    ],
)
def test_what_would_change_nothing_is_refused(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        trainer_of("TaskRes", tmp_path, **changed)


@pytest.mark.parametrize("seed", [None, -1, 2**31, True, "3"])
def test_a_damaged_seed_of_the_passes_is_refused(tmp_path, seed):
    trainer = trainer_of("TaskRes", tmp_path)
    state = trainer.training_state() | {"pass_seed": seed}
    with pytest.raises(ValueError, match="its pass_seed is "):
        trainer.load_training_state(state)


SEARCH = {"TRAINER.TIP_ADAPTER.SEARCH": "val", "TRAINER.TIP_ADAPTER.SEARCH_STEP": [4, 3]}


def test_a_search_takes_the_best_of_its_grid_on_validation_images(tmp_path, capsys):
    trainer = trainer_of("TipAdapter", tmp_path, **SEARCH)
    trainer.train()
    said = "Search on 31 validation images, 4 beta from 0.1 to 5.28, 3 alpha from 0.1 to 2.03: "
    assert said in capsys.readouterr().out
    cache = trainer.prompts
    found = read_checkpoint(checkpoint_of(trainer))["state_dict"]
    assert (found["alpha"], found["beta"]) == (cache.alpha, cache.beta)
    batches = [trainer.parse_batch_test(batch) for batch in trainer.val_loader]
    accuracies = {}
    betas, alphas = trainer.grid()
    for pair in [(beta, alpha) for beta in betas for alpha in alphas]:
        cache.beta.fill_(pair[0]), cache.alpha.fill_(pair[1])
        right = [(trainer.model.classify(i).argmax(-1) == labels).sum() for i, labels in batches]
        accuracies[pair] = sum(right)
    best = max(accuracies, key=accuracies.get)  # of equal ones the first
    assert best == pytest.approx((found["beta"].item(), found["alpha"].item()))


def test_a_search_needs_validation_images_that_are_not_those_of_the_test(tmp_path):
    trainer = trainer_of("TipAdapter", tmp_path, **SEARCH)
    data = trainer.dm.dataset
    for part in (data._test, []):  # as ImageNet's in CoOp, and none
        data._val = part
        with pytest.raises(ValueError, match="but Emoji has no validation images that are not"):
            trainer.build_targets(trainer.model.frozen)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"SEARCH": "test"}, "SEARCH is 'test' and SEARCH_STEP .*; choose none or val"),
        ({"SEARCH": "val", "SEARCH_STEP": [4, 0]}, "two numbers of values"),
        ({"SEARCH_STEP": [4, 3]}, "SEARCH_STEP is .*, but TipAdapterF does not use it"),
    ],
)
def test_a_search_that_cannot_be_is_refused(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        trainer_of(
            "TipAdapterF", tmp_path, **{f"TRAINER.TIP_ADAPTER.{k}": v for k, v in changed.items()}
        )


def test_a_method_without_epochs_refuses_them(tmp_path):
    with pytest.raises(ValueError, match="MAX_EPOCH is 2, but TipAdapter does all in one epoch"):
        trainer_of("TipAdapter", tmp_path, **{"OPTIM.MAX_EPOCH": 2})


@pytest.mark.parametrize(
    "key, value",
    [("ITERATIONS", 20), ("ALPHA_EVERY", 300), ("ALPHA_SCALE", 2.0)],
)
def test_the_keys_of_a_solve_change_it(key, value, trained, tmp_path):
    solved = trainer_of("LinearProbe", tmp_path, **{f"TRAINER.LP_PLUS_PLUS.{key}": value})
    solved.train()
    usual = trained("LinearProbe").prompts
    assert not torch.allclose(solved.prompts.alpha, usual.alpha, rtol=1e-3)
    if key == "ITERATIONS":
        assert solved.num_batches == value


@pytest.mark.parametrize("key", ["ITERATIONS", "ALPHA_EVERY"])
def test_a_solve_without_iterations_is_refused(key, tmp_path):
    with pytest.raises(ValueError, match=f"TRAINER.LP_PLUS_PLUS.{key} is 0; give 1 to 100000"):
        trainer_of("LinearProbe", tmp_path, **{f"TRAINER.LP_PLUS_PLUS.{key}": 0})


def test_the_passes_of_a_cache_are_averaged_before_they_are_of_unit_length(tmp_path):
    trainer = trainer_of("TipAdapter", tmp_path, **{"TRAINER.TIP_ADAPTER.AUGMENT_EPOCHS": 2})
    trainer.train()
    mean = (trainer.passes[0][0].double() + trainer.passes[1][0].double()) / 2
    keys = (mean / mean.norm(dim=-1, keepdim=True)).t().float()
    torch.testing.assert_close(trainer.prompts.cache_keys.data, keys, atol=1e-6, rtol=0)
    assert sorted(trainer.passes) == [0, 1]
