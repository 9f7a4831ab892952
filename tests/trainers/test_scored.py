"""One test measures everything: `results.json` against what separate tests and plain code say."""

import copy
import errno
import json
import random
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import promptsrc
import train
from promptsrc.clip import towers
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.once import EncodedOnce
from promptsrc.clip.vectors import Tokens
from promptsrc.inference.prompt_file import read_prompts
from promptsrc.inference.reader import read_image
from runs.results import TESTED, parse_run
from runs.settings import trainers
from tests.runs.test_unused import built
from tests.trainers.test_init_weights import CSC, trained
from trainers import parts, scored
from trainers.base import CLIPTrainer

HALF, WIDE = "DATASET.SUBSAMPLE_CLASSES", "TEST.ALL_CLASSES"
LEARNS_CLASSES = {"CLAP", "LinearProbe", "TaskRes", "TipAdapter", "TipAdapterF"}


def few(model, every=11):
    """Test on one of so many images, of new classes too."""
    data, dataset = model.dm.test_loader.dataset, model.dm.dataset
    data.data_source[:] = data.data_source[::every]  # in place: the sampler has it, too
    if dataset._new:
        dataset._new = dataset._new._replace(test=dataset._new.test[::every])
    return model


def results(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def loaded(trainer, run, folder, half, **changed):
    """A test of the prompts of a run."""
    _, model = built(trainer, folder, **{HALF: half}, **changed)
    model.load_model(str(run), epoch=1)
    return few(model)


def result_of(trainer, run, folder, half, **changed):
    loaded(trainer, run, folder, half, **changed).test()
    return results(folder)


def logits_of(run, names, items):
    """By `promptsrc.load`, from the image files: (N, C), float64."""
    classifier = promptsrc.load(run, "cpu")
    opened = (read_image(item.impath, classifier.preprocess.read_as) for item in items)
    images = torch.stack([classifier.preprocess(image) for image in opened])
    with torch.no_grad():
        return classifier.model(names).classify(images).double()


def halves(folder, every=11):
    """Class names and items of both halves, from separate datasets."""
    found = []
    for half in ("base", "new"):
        _, model = built("CoOp", folder / half, **{HALF: half})
        found.append((model.classnames, model.dm.dataset.test[::every]))
    return found


def labels_of(items):
    return torch.tensor([item.label for item in items])


def assert_scores(found, logits, labels):
    """The file's numbers of a part, computed another way."""
    p, right = logits.softmax(1).numpy(), (logits.argmax(1) == labels).numpy()
    n, c = len(labels), p.max(1)
    assert (found["images"], found["classes"]) == (n, logits.shape[1])
    assert found["accuracy"] == pytest.approx(100 * right.mean())
    nll = (logits.logsumexp(1) - logits[torch.arange(n), labels]).mean().item()
    assert found["nll"] == pytest.approx(nll, abs=1e-4)
    brier = ((p - np.eye(p.shape[1])[labels]) ** 2).sum(1).mean()
    assert found["brier"] == pytest.approx(brier, abs=1e-4)
    bins = np.ceil(c * 15).astype(int)
    ece = sum(abs((right - c)[bins == m].sum()) for m in range(1, 16)) / n
    assert found["ece"] == pytest.approx(100 * ece, abs=1e-2)
    assert sum(one["correct"] for one in found["per_class"].values()) == right.sum()


def assert_openworld(found, base, new, wide, y_base, y_new):
    """From logits of base images among base classes, new among new, and all among all."""
    first, count = len(y_base), base.shape[1]
    r = wide.softmax(1)[:, :count].max(1).values.numpy()
    right = [(base.argmax(1) == y_base).numpy(), (new.argmax(1) == y_new).numpy()]
    gained = np.concatenate([np.where(right[0], r[:first], -1), np.where(right[1], r[first:], 2)])
    is_base = np.arange(len(r)) < first
    assert found["openworld_auc"] == pytest.approx(100 * roc_auc_score(is_base, gained))
    hit = (wide.argmax(1) == torch.cat([y_base, y_new + count])).numpy()
    s, u = 100 * hit[:first].mean(), 100 * hit[first:].mean()
    expected = {"S": s, "U": u, "H": 2 * s * u / (s + u), "accuracy": 100 * hit.mean()}
    assert {key: found[key] for key in expected} == pytest.approx(expected)


EMOJI = ["--root", "data", "--dataset-config-file", "configs/datasets/emoji.yaml"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """PromptSRC, one epoch on one shot of the base classes, as train.py runs it."""
    folder = tmp_path_factory.mktemp("run")
    settings = ["--trainer", "PromptSRC", "--backbone", "ViT-T/8-v2", "--seed", "1"]
    pairs = [HALF, "base", "DATASET.NUM_SHOTS", "1", "OPTIM.MAX_EPOCH", "1"]
    pairs += ["TRAINER.PROMPTSRC.GPA_MEAN", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(promptsrc.__path__[0] + "/..")
        assert train.main([*EMOJI, *settings, "--output-dir", str(folder), *pairs]) == 0
    return folder


def test_a_training_leaves_what_its_checkpoint_gives(run, tmp_path):
    found = results(run)
    (base_names, base_items), (new_names, new_items) = halves(tmp_path, every=1)
    y_base, y_new = labels_of(base_items), labels_of(new_items)
    base, new = logits_of(run, base_names, base_items), logits_of(run, new_names, new_items)
    wide = logits_of(run, base_names + new_names, base_items + new_items)
    assert_scores(found["tests"]["base"], base, y_base)
    assert_scores(found["tests"]["new"], new, y_new)
    assert_scores(found["tests"]["all"], wide, torch.cat([y_base, y_new + len(base_names)]))
    assert_openworld(found["openworld"], base, new, wide, y_base, y_new)
    assert list(found["tests"]["all"]["per_class"]) == base_names + new_names
    about = {key: found[key] for key in ("version", "trainer", "dataset", "backbone", "seed")}
    assert about == {
        "version": 1,
        "trainer": "PromptSRC",
        "dataset": "Emoji",
        "backbone": "ViT-T/8-v2",
        "seed": 1,
    }
    assert (found["shots"], found["split"]) == (1, "test")
    assert found["test_time_knowledge"] == "unified"


def test_the_log_has_its_result_once_and_two_lines_for_people(run):
    log, found = (run / "log.txt").read_text(), results(run)
    assert log.count("=> result") == 1 and log.count("* accuracy: ") == 1
    _, accuracy = parse_run(run, TESTED)
    assert accuracy == pytest.approx(found["tests"]["base"]["accuracy"], abs=0.05)
    world = found["openworld"]
    assert (
        f"* Among the 15 new classes: {found['tests']['new']['accuracy']:.1f}%\n"
        f"* Among all 31 classes: base {world['S']:.1f}%, new {world['U']:.1f}%, "
        f"H {world['H']:.1f}%, OpenworldAUC {world['openworld_auc']:.1f}%\n"
    ) in log


def test_what_it_took_is_there(run):
    cost = results(run)["cost"]
    assert cost["parameters"] == read_prompts(run).parameters
    assert cost["test_seconds"] > 0 and 0 < cost["train_seconds"] < 100
    assert cost["device"] == "cpu"
    for phase in ("train", "test"):
        assert cost[f"{phase}_peak_gib"] is None or 0.1 < cost[f"{phase}_peak_gib"] < 10


def test_a_test_of_new_classes_alone_says_the_same_of_them(run, tmp_path):
    alone = loaded("PromptSRC", run, tmp_path, "new")
    alone.test()
    ours, theirs = loaded("PromptSRC", run, tmp_path / "base", "base"), results(tmp_path)
    assert list(theirs["tests"]) == ["new"] and "openworld" not in theirs
    assert theirs["cost"]["train_seconds"] is None
    ours.test()
    mine, other = (found["tests"]["new"] for found in (results(tmp_path / "base"), theirs))
    assert mine["per_class"] == other["per_class"]
    for key in ("accuracy", "macro_f1", "ece", "adaptive_ece", "brier", "nll"):
        assert mine[key] == pytest.approx(other[key], abs=1e-3)


METHODS = [name for name in trainers() if not name.startswith("ExtrasLinearProbe")]
METHODS += ["ExtrasLinearProbeCoOp", "ExtrasLinearProbePromptSRC"]


@pytest.mark.parametrize("trainer", METHODS)
def test_each_method_leaves_its_parts(trainer, tmp_path, capsys):
    _, model = built(trainer, tmp_path, **{HALF: "base"})
    few(model, every=30).test()
    found, out = results(tmp_path), capsys.readouterr().out
    if trainer in LEARNS_CLASSES:
        assert list(found["tests"]) == ["base"] and "openworld" not in found
        said = f"* Not tested among other classes: {trainer} has learned something for each class"
        assert out.count(said) == 1
    else:
        assert list(found["tests"]) == ["base", "new", "all"]
        assert found["openworld"].keys() == {"S", "U", "H", "accuracy", "openworld_auc"}
        assert "Not tested" not in out
    assert found["test_time_knowledge"] == model.test_time_knowledge


@pytest.mark.parametrize("trainer", ["MaPLe", "MMRL", "CLIPLoRA", "ExtrasLinearProbeIVLP", "CoOp"])
def test_each_image_is_encoded_once(trainer, tmp_path, monkeypatch):
    _, model = built(trainer, tmp_path, **{HALF: "base"})
    few(model)
    seen, encode = Counter(), towers.image_tokens

    def counted(clip, images, *args, **options):
        seen.update(hash(image.numpy().tobytes()) for image in images)
        return encode(clip, images, *args, **options)

    monkeypatch.setattr(towers, "image_tokens", counted)
    model.test()
    assert len(seen) == results(tmp_path)["tests"]["all"]["images"] > 16
    assert set(seen.values()) == {1}


def test_classes_are_encoded_once(tmp_path, monkeypatch):
    _, model = built("PromptSRC", tmp_path, **{HALF: "base", "DATALOADER.TEST.BATCH_SIZE": 5})
    few(model)
    sizes, encode = [], FrozenCLIP.encode_text

    def counted(self, texts, *args):
        sizes.append(len(texts.eot))
        return encode(self, texts, *args)

    monkeypatch.setattr(FrozenCLIP, "encode_text", counted)
    model.test()
    assert sorted(sizes) == [16, 31]


DECOUPLED = ["MMRL", "MMRLpp", "ExtrasLinearProbeCoOp", "ExtrasLinearProbeMaPLe"]


@pytest.mark.parametrize("trainer", DECOUPLED)
def test_a_decoupled_method_uses_what_it_may_know(trainer, tmp_path):
    trained(tmp_path / "run", trainer, **{HALF: "base"})
    found = result_of(trainer, tmp_path / "run", tmp_path / "test", "base")
    (base_names, base_items), (new_names, new_items) = halves(tmp_path)
    y_base, y_new = labels_of(base_items), labels_of(new_items)
    fused = logits_of(tmp_path / "run", base_names, base_items)
    wide = logits_of(tmp_path / "run", base_names + new_names, base_items + new_items)
    new = logits_of(tmp_path / "run", new_names, new_items)
    plain = wide[: len(y_base), : len(base_names)]
    assert not torch.allclose(fused, plain, atol=0.1)
    assert_scores(found["tests"]["base"], fused, y_base)
    assert_scores(found["tests"]["new"], new, y_new)
    assert_openworld(found["openworld"], fused, new, wide, y_base, y_new)
    assert found["test_time_knowledge"] == "decoupled"


@pytest.mark.parametrize("trainer", ["PromptSRC", *DECOUPLED[1:3]])
def test_a_test_of_all_classes_has_both_halves_of_a_run_on_base(trainer, tmp_path):
    trained(tmp_path / "run", trainer, **{HALF: "base"})
    model = loaded(trainer, tmp_path / "run", tmp_path / "all", "all")
    (base_names, base_items), (new_names, new_items) = halves(tmp_path, every=1)
    chosen = {item.impath for item in model.dm.test_loader.dataset.data_source}
    base_items, new_items = (
        [item for item in items if item.impath in chosen] for items in (base_items, new_items)
    )
    accuracy = model.test()
    found = results(tmp_path / "all")
    assert list(found["tests"]) == ["base", "new", "all"]
    assert found["tests"]["all"]["accuracy"] == pytest.approx(accuracy)
    y_base, y_new = labels_of(base_items), labels_of(new_items)
    base = logits_of(tmp_path / "run", base_names, base_items)
    wide = logits_of(tmp_path / "run", base_names + new_names, base_items + new_items)
    new = logits_of(tmp_path / "run", new_names, new_items)
    assert_scores(found["tests"]["base"], base, y_base)
    assert_scores(found["tests"]["new"], new, y_new)
    assert_openworld(found["openworld"], base, new, wide, y_base, y_new)


@pytest.mark.parametrize("changed", [{}, CSC])
def test_classes_among_those_trained_are_also_tested_among_all_of_these(changed, tmp_path, capsys):
    trained(tmp_path / "run", **changed)  # on all classes
    found = result_of("CoOp", tmp_path / "run", tmp_path / "test", "base", **changed)
    (base_names, items), (new_names, _) = halves(tmp_path)
    assert list(found["tests"]) == ["base", "trained"] and "openworld" not in found
    among_trained = logits_of(tmp_path / "run", base_names + new_names, items)
    assert_scores(found["tests"]["trained"], among_trained, labels_of(items))
    accuracy = found["tests"]["trained"]["accuracy"]
    assert f"* Among all 31 trained classes: {accuracy:.1f}%\n" in capsys.readouterr().out


def test_what_is_learned_for_each_class_has_no_answer_for_others(tmp_path, capsys):
    trained(tmp_path / "run", **{HALF: "base"}, **CSC)
    found = result_of("CoOp", tmp_path / "run", tmp_path / "test", "base", **CSC)
    assert list(found["tests"]) == ["base"] and "openworld" not in found
    said = (
        "* Not tested among other classes: CoOp has learned something for each class, but not for "
    )
    assert capsys.readouterr().out.count(said) == 1


@pytest.mark.parametrize("trainer", ["PromptSRC", "ZeroshotCLIP2"])
def test_all_classes_can_be_left_out(trainer, tmp_path, capsys):
    _, model = built(trainer, tmp_path, **{HALF: "base", WIDE: False})
    few(model).test()
    assert list(results(tmp_path)["tests"]) == ["base"]
    assert "Among" not in capsys.readouterr().out


@pytest.mark.parametrize("trainer", ["PromptSRC", "CoCoOp", "MMRL", "ZeroshotCLIP"])
def test_it_draws_no_random_numbers(trainer, tmp_path):
    after = []
    for wide in (True, False):
        _, model = built(trainer, tmp_path, **{HALF: "base", WIDE: wide})
        few(model, every=60)
        torch.manual_seed(5)
        random.seed(5)
        model.test()
        after.append((torch.rand(3).tolist(), random.random(), np.random.rand()))
        np.random.seed(3)
    assert after[0][:2] == after[1][:2]


def test_validations_of_a_training_are_not_measured(tmp_path):
    _, model = built("CoOp", tmp_path, **{HALF: "base"})
    few(model).test(split="val")
    assert not (tmp_path / "results.json").exists()


def test_the_validation_part_can_be_the_test(tmp_path):
    _, model = built("CoOp", tmp_path, **{HALF: "base", "TEST.SPLIT": "val"})
    model.test()
    found = results(tmp_path)
    new = model.dm.dataset._new.val
    assert found["split"] == "val" and found["tests"]["new"]["images"] == len(new) > 0


def test_missing_images_of_new_classes_are_said_and_the_base_ones_tested(tmp_path, capsys):
    _, model = built("CoOp", tmp_path, **{HALF: "base"})
    few(model)
    new = model.dm.dataset._new
    gone = [new.test[0]._replace(path="gone.png"), *new.test[1:]]
    model.dm.dataset._new = new._replace(test=gone)
    model.test()
    assert list(results(tmp_path)["tests"]) == ["base"]
    said = r"* Not tested among other classes: 1 of 15 images are missing"
    assert said in capsys.readouterr().out


def test_unreadable_images_of_new_classes_do_not_cost_the_test(tmp_path, capsys):
    _, model = built("CoOp", tmp_path, **{HALF: "base"})
    few(model)
    broken = tmp_path / "broken.png"
    broken.write_text("no image")
    new = model.dm.dataset._new
    model.dm.dataset._new = new._replace(test=[*new.test[:3], new.test[3]._replace(path=broken)])
    model.test()
    found = results(tmp_path)
    assert list(found["tests"]) == ["base"] and "openworld" not in found
    out = capsys.readouterr().out
    assert "* Not tested among other classes: " in out and "broken.png" in out


def test_a_half_without_images_has_no_part(tmp_path):
    trained(tmp_path / "run", **{HALF: "base"})
    model = loaded("CoOp", tmp_path / "run", tmp_path / "test", "all")
    data = model.dm.test_loader.dataset.data_source
    data[:] = [item for item in data if item.label < 16]
    model.test()
    found = results(tmp_path / "test")
    assert list(found["tests"]) == ["base", "all"] and "openworld" not in found
    assert found["tests"]["all"]["images"] == found["tests"]["base"]["images"] == len(data)


def test_the_file_is_whole_and_there_before_the_log_has_a_result(tmp_path, monkeypatch, capsys):
    _, model = built("CoOp", tmp_path, **{HALF: "base"})
    few(model).test()
    before = (tmp_path / "results.json").read_bytes()
    capsys.readouterr()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            model.test()
    assert "=> result" not in capsys.readouterr().out
    assert (tmp_path / "results.json").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
    model.test()
    assert results(tmp_path)["tests"].keys() == {"base", "new", "all"}


def test_a_resumed_training_adds_its_earlier_seconds(tmp_path):
    once = {"OPTIM.MAX_EPOCH": 2, "TEST.NO_TEST": True}
    _, first = built("CoOp", tmp_path, **once)
    first.train()
    state = first.training_state()
    assert 0 < state["seconds"] < 100
    _, second = built("CoOp", tmp_path / "other", **once)
    second.load_training_state(state | {"seconds": 1000.0})
    second.training = scored.Phase()
    assert 1000 < second.train_seconds < 1100
    without = {key: value for key, value in state.items() if key != "seconds"}
    second.load_training_state(without)  # of an earlier version
    assert second.train_seconds is None and "seconds" not in second.training_state()


def test_tensorboard_gets_the_scores(tmp_path):
    _, model = built("CoOp", tmp_path, **{HALF: "base"})
    written = {}
    model.write_scalar = lambda tag, value, step: written.update({tag: value})
    few(model).test()
    found = results(tmp_path)
    tests, base = found["tests"], found["tests"]["base"]
    assert written["test/accuracy"] == pytest.approx(base["accuracy"])
    for name in ("balanced_accuracy", "ece", "adaptive_ece", "brier", "nll"):
        assert written[f"test/{name}"] == base[name]
    assert written["test/new_accuracy"] == tests["new"]["accuracy"]
    assert written["test/all_accuracy"] == tests["all"]["accuracy"]
    assert written["test/openworld_H"] == found["openworld"]["H"]


def test_what_is_not_a_number_is_null(tmp_path):
    scored.write({"a": [1.0, float("nan")], "b": {"c": float("inf")}}, tmp_path / "some.json")
    assert json.loads((tmp_path / "some.json").read_text()) == {"a": [1.0, None], "b": {"c": None}}


@pytest.mark.parametrize("writer", ["pathlib.Path.write_text", "numpy.savez"])
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys, writer):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    _, model = built("CoOp", tmp_path, **{"TEST.SAVE_FEATURES": True})
    few(model, every=60)
    monkeypatch.setattr(writer, full)
    said = r"can't be written to .* \(No space left on device\); make room, then start again$"
    with pytest.raises(OSError, match=said):
        model.test()
    assert {file.name for file in tmp_path.iterdir()} <= {"results.json"}
    assert "=> result" not in capsys.readouterr().out


def test_another_evaluator_in_its_place_measures_nothing(tmp_path):
    _, model = built("CoOp", tmp_path)
    model.evaluator = model.evaluator.evaluator
    few(model).test()
    assert not (tmp_path / "results.json").exists()


def test_a_copy_of_the_evaluator_is_without_its_trainer(tmp_path):
    _, model = built("CoOp", tmp_path)
    copied = copy.deepcopy(model.evaluator)
    assert type(copied) is type(model.evaluator.evaluator)
    copied.process(torch.eye(2), torch.tensor([0, 0]))
    assert copied._correct == 1 and model.evaluator._total == 0


def test_a_trainer_of_its_own_says_that_it_has_no_other_classes(tmp_path, monkeypatch, capsys):
    _, model = built("ZeroshotCLIP", tmp_path, **{HALF: "base"})
    monkeypatch.setattr(type(model), "for_classes", CLIPTrainer.for_classes)
    few(model).test()
    assert "ZeroshotCLIP is for the classes of its test alone" in capsys.readouterr().out


@pytest.mark.parametrize(
    "names, others, found",
    [
        (["bat", "owl"], ["owl"], [False, True]),
        (["crane", "owl", "crane"], ["owl", "Crane"], [True, True, False]),
        (["sad_face"], ["sad face"], [True]),
        (["owl"], [], [False]),
    ],
)
def test_which_names_are_among_others(names, others, found):
    assert parts.are_among(names, others) == found


class Asked:
    """Stands for a frozen CLIP, and counts."""

    clip = precision = forward = None
    texts_at_once = 0

    def __init__(self):
        self.asked = []

    def encode_image(self, images, prompts):
        self.asked.append(len(images))
        return images + sum(map(len, prompts.values()))

    def image_tokens(self, images, prompts, read):
        self.asked.append(read)
        return images


def test_equal_vectors_of_the_same_images_are_encoded_once():
    frozen, images = Asked(), torch.rand(2, 3)
    once, v = EncodedOnce(frozen), torch.rand(4, 2)
    first = once.encode_image(images, {0: v})
    assert once.encode_image(images, {0: v.clone()}) is first
    once.encode_image(images, {0: v + 1})  # other values
    once.encode_image(images, {1: v})  # another block
    once.encode_image(images, {0: Tokens(v, 0.5)})
    once.encode_image(images, {})
    assert once.encode_image(images, {0: v}) is first
    once.encode_image(images.clone(), {0: v})  # another batch
    assert len(frozen.asked) == 6
    once.image_tokens(images, {0: v}, [0, 1])
    once.image_tokens(images, {0: v}, [0, 1])
    once.image_tokens(images, {0: v}, slice(0, 1))
    assert frozen.asked[6:] == [[0, 1], slice(0, 1)]
