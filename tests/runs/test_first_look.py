"""What the owner of photos is told before and after a training."""

from types import SimpleNamespace

import pytest
import torch
from PIL import Image

import train
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.text import tokenize
from runs import first_look
from runs.config import default_config
from tests.conftest import ROOT

NAMES = ["cat", "dog", "owl"]


def items(*counts):
    return [
        SimpleNamespace(label=label) for label, count in enumerate(counts) for _ in range(count)
    ]


def dataset(train=(1, 1), val=(), test=(), names=NAMES):
    return SimpleNamespace(
        train_x=items(*train),
        val=items(*val) or None,
        test=items(*test) or None,
        lab2cname=dict(enumerate(names[: len(train)])),
        classnames=names,
    )


def config(**test):
    cfg = default_config()
    cfg.TRAINER.NAME, cfg.MODEL.BACKBONE.NAME, cfg.OUTPUT_DIR = "CoOp", "ViT-T/8-v2", "output/a b"
    for key, value in test.items():
        cfg.TEST[key] = value
    return cfg


def trainer(data, found=(), true=(), epochs=20, loader=None):
    return SimpleNamespace(
        dm=SimpleNamespace(dataset=data),
        evaluator=SimpleNamespace(_y_true=list(true), _y_pred=list(found)),
        get_model_names=lambda: ["learner"] if epochs else [],
        max_epoch=epochs,
        test_loader=loader,
        val_loader=None,
    )


@pytest.mark.parametrize(
    ("parts", "test", "trains", "line"),
    [
        (
            {"train": (2, 2), "test": (0, 1)},
            {},
            True,
            "5 images of 2 classes: 4 are trained on, 1 is held back to test",
        ),
        ({"train": (1, 1)}, {"NO_TEST": True}, True, "2 images of 2 classes: 2 are trained on"),
        (
            {"train": (2, 1), "val": (1, 0), "test": (1, 1)},
            {},
            True,
            "6 images of 2 classes: 3 are trained on, 1 is not used (TEST.FINAL_MODEL best_val "
            "chooses the epoch by them), 2 are held back to test",
        ),
        (
            {"train": (2, 1), "val": (1, 1), "test": (1, 1)},
            {"FINAL_MODEL": "best_val"},
            True,
            "7 images of 2 classes: 3 are trained on, 2 are for choosing the best epoch, "
            "2 are held back to test",
        ),
        (
            {"train": (800, 700), "val": (1, 1), "test": (1, 1)},
            {"SPLIT": "val"},
            False,
            "1,504 images of 2 classes: 1,500 are not used, since nothing is trained, "
            "2 are held back to test, 2 are not used (TEST.SPLIT val)",
        ),
    ],
)
def test_each_part_is_said_with_what_it_is_for(parts, test, trains, line):
    said = first_look.classes(dataset(**parts), config(**test), trains)
    assert said.splitlines()[0] == line


def test_a_class_without_test_images_and_many_classes():
    names = [f"class {n:02}" for n in range(32)]
    data = dataset(train=[3] * 32, test=[0, *[2] * 31], names=names)
    _, _, header, first, second, *_, last, more = first_look.classes(
        data, config(), True
    ).splitlines()
    assert header.split() == ["class", "train", "test"]
    assert (first.split(), second.split()) == (["class", "00", "3", "0"], ["class", "01", "3", "2"])
    assert last.startswith("class 29") and more == "... and 2 more"


@pytest.mark.parametrize(
    ("files", "epochs", "line"),
    [
        ([], 1, "Training 1 epoch with CoOp; each step is in {}/log.txt"),
        (["config.yaml"], 20, "Training 20 epochs with CoOp; each step is in {}/log.txt"),
        (["unfinished.state"], 20, "Resuming CoOp in {}, up to epoch 20"),
        (["learner/model.pth.tar-5"], 20, "Resuming CoOp in {}, up to epoch 20"),
        (
            ["learner/model.pth.tar-20"],
            20,
            "{} is trained already; it is tested again (delete it to train anew)",
        ),
    ],
)
def test_the_same_command_again_says_what_it_does(tmp_path, files, epochs, line):
    (tmp_path / "learner").mkdir()
    for file in files:
        (tmp_path / file).touch()
    assert first_look.intention(tmp_path, "CoOp", epochs) == line.format(tmp_path)


@pytest.mark.parametrize(
    ("right", "zero_shot", "helped"),
    [(7, 5, True), (5, 5, False), (4, 5, False), (8, 8, True), (7, 8, False)],
)
def test_the_accuracy_stands_beside_that_of_zero_shot_clip(right, zero_shot, helped, capsys):
    after = trainer(dataset(), [0] * right + [1] * (8 - right), [0] * 8)
    first_look.after(after, config(), zero_shot)
    line, *more = capsys.readouterr().out.splitlines()
    expected = f"CoOp: {right} of 8 held-back images right, {12.5 * right}% (95% interval: "
    assert line.startswith(expected) and line.endswith(f"; zero-shot CLIP: {12.5 * zero_shot}%")
    assert ("Training did not help" not in more[0]) == helped and "\n".join(more).count("Next") == 1


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),  # Clopper and Pearson, from R's binom.test
    [(5, 8, 24, 91), (0, 4, 0, 60), (12, 12, 74, 100), (50, 100, 40, 60)],
)
def test_the_interval_of_an_accuracy(right, total, low, high):
    percent = f"{100 * right / total:.1f}%"
    assert first_look.accuracy(right, total) == (
        f"{right} of {total} held-back images right, {percent} (95% interval: {low}% to {high}%)"
    )


def test_without_a_test_no_line_is_empty_where_an_accuracy_would_be(capsys):
    cfg = config(NO_TEST=True)
    untested = trainer(dataset())
    assert first_look.before(untested, cfg) is None
    first_look.after(untested, cfg, None)
    said = capsys.readouterr().out
    assert "No image is held back, so nothing is tested\nTraining 20 epochs with CoOp" in said
    assert "\n\nCoOp: trained, not tested\n\nNext" in said and "\n\n\n" not in said
    first_look.before(trainer(dataset(test=(1, 1))), cfg)
    assert "TEST.NO_TEST is set, so nothing is tested" in capsys.readouterr().out


def test_zero_shot_clip_is_that_of_clip_itself(tiny, capsys):
    torch.manual_seed(3)
    images, labels = torch.randn(24, 3, 32, 32), torch.arange(24) % 3
    logits, _ = tiny(images, tokenize([f"a photo of a {name}." for name in NAMES]))
    expected = int((logits.argmax(1) == labels).sum())
    assert 0 < expected < 24
    batches = torch.utils.data.DataLoader(list(zip(images, labels, strict=True)), batch_size=7)
    data = trainer(dataset(test=(8, 8, 8)), epochs=0, loader=batches)
    data.model = SimpleNamespace(frozen=FrozenCLIP(tiny, precision("fp32", "cpu")))
    data.parse_batch_test = lambda batch: batch
    state = torch.get_rng_state()
    assert first_look.before(data, config()) == expected
    assert torch.equal(torch.get_rng_state(), state)  # the training after it is unchanged
    said = capsys.readouterr().out
    assert f"Zero-shot CLIP: {expected} of 24 held-back images right" in said
    assert "Training" not in said
    first_look.after(data, config(), expected)
    assert capsys.readouterr().out.count("predict.py") == 0  # there are no prompts


def test_the_next_commands_hold_for_any_folder_and_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    here = first_look.next_commands("output/a b", True).splitlines()
    assert here[1] == "Next:" and here[2].endswith(
        "predict.py --model-dir 'output/a b' IMAGE_OR_FOLDER"
    )
    assert here[4].endswith("-m promptsrc.export 'output/a b' 'output/a b/classifier.onnx'")
    monkeypatch.chdir(tmp_path)
    there = first_look.next_commands("output/a b", True)
    assert f"Next (in {ROOT}):" in there and f"'{tmp_path}/output/a b/classifier.onnx'" in there
    assert first_look.next_commands("output/a b", False).count("\n  ") == 1  # its report


def test_a_trainer_without_clip_trains_on_photos(tmp_path, in_root, capsys):
    for name in NAMES[:2]:
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(4):
            Image.new("RGB", (8, 8)).save(tmp_path / "pets" / name / f"{index}.png")
    words = [tmp_path / "pets", "--trainer", "Vanilla", "--output-dir", tmp_path / "run"]
    words += ["--backbone", "resnet18", "MODEL.BACKBONE.PRETRAINED", "False"]
    words += ["OPTIM.MAX_EPOCH", "1", "INPUT.SIZE", "(32, 32)", "DATALOADER.NUM_WORKERS", "0"]
    words += ["DATALOADER.TRAIN_X.BATCH_SIZE", "2"]
    assert train.main([str(word) for word in words]) == 0, capsys.readouterr().err
    assert "* accuracy" in capsys.readouterr().out
