"""The page of one run, of every method and kind of data: its numbers against those of train.py."""

import contextlib
import io
import json
import re
import shutil
from html.parser import HTMLParser

import pytest

import train
from promptsrc.checkpoint import read_checkpoint
from promptsrc.regulation import gaussian_weights
from report.__main__ import main
from report.run import read_run
from report.run_page import page
from runs import log
from tests.conftest import ROOT

NAMES = {"0": '<b>&"bird', "drink": "drink", "flower": "flower", "building": "building"}
CONFIGS = {
    "PromptSRC": "PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx",
    "IVLP": "IVLP/vit_t8_c2_ep20_batch4_4+4ctx",
    "VPT": "VPT/*",
    "MaPLe": "MaPLe/*",
    "CoOp": "CoOp/*",
    "CoCoOp": "CoCoOp/*",
    "ZeroshotCLIP": "CoOp/*",
    "ZeroshotCLIP2": "CoOp/*",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Own data: 4 class folders of 8 images, half of them to test on; one class with a name that HTML has to escape."""
    root = tmp_path_factory.mktemp("data")
    for folder, name in NAMES.items():
        (root / "mine" / folder).mkdir(parents=True)
        source = ROOT / "data" / "emoji" / "images" / ("bird" if "bird" in name else name)
        for file in sorted(source.iterdir())[:32:4]:
            shutil.copy(file, root / "mine" / folder)
    (root / "mine" / "names.json").write_text(json.dumps(NAMES))
    (root / "mine.yaml").write_text(
        "DATASET:\n  NAME: ImageFolder\n  FOLDER: mine\n  SPLIT: (0.5, 0.0, 0.5)\n  CLASS_NAMES: names.json\n"
    )
    return root


def run(data, folder, trainer, *pairs, flags=()):
    """train.py on this data; what it printed."""
    (config, *_) = sorted(
        (ROOT / "configs" / "trainers").glob(f"{CONFIGS[trainer].replace('/*', '/vit_t8*')}.yaml")
    )
    words = [
        "--trainer",
        trainer,
        "--root",
        str(data),
        "--dataset-config-file",
        str(data / "mine.yaml"),
    ]
    words += ["--config-file", str(config), "--seed", "1", "--output-dir", str(folder), *flags]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert train.main([*words, "OPTIM.MAX_EPOCH", "3", "TRAIN.PRINT_FREQ", "1", *pairs]) == 0
    return out.getvalue()


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "promptsrc"
    run(data, folder, "PromptSRC", "TRAINER.PROMPTSRC.GPA_MEAN", "2")
    return folder


class Page(HTMLParser):
    """Tags are closed in order; text by tag, and what is referred to."""

    def __init__(self, content):
        super().__init__()
        self.open, self.references, self.text = [], [], []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.references += [
            value for name, value in attributes if name in ("src", "href", "xlink:href")
        ]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data.strip())


def shown_classes(content):
    """Accuracy and change in percent by class, as the page has them."""
    rows = re.findall(
        r'<span class="name">(.*?) <small>.*?</div><span>(\d+)</span><span class="[^"]*">(.*?)</span>',
        content,
    )
    return {name: (int(value), int(change.replace("−", "-"))) for name, value, change in rows}


def by_class(printed):
    """Accuracy in percent by class, as train.py prints it."""
    found = re.findall(
        r"\* class: \d+ \((.*?)\)\ttotal: \d+\tcorrect: \d+\tacc: ([\d.]+)%", printed
    )
    return {name: float(value) for name, value in found}


def test_accuracy_by_class_is_what_train_py_says(data, trained, tmp_path):
    test = ("--eval-only", "--model-dir", str(trained), "--load-epoch", "3")
    pairs = ("TEST.PER_CLASS_RESULT", "True", "TRAINER.PROMPTSRC.GPA_MEAN", "2")
    ours = by_class(run(data, tmp_path / "ours", "PromptSRC", *pairs, flags=test))
    plain = by_class(run(data, tmp_path / "plain", "ZeroshotCLIP", "TEST.PER_CLASS_RESULT", "True"))
    found = read_run(trained)
    assert (
        dict(
            zip(
                found.predictions.classnames,
                found.predictions.by_class(found.predictions.trained),
                strict=True,
            )
        )
        == ours
    )
    assert (
        dict(
            zip(
                found.predictions.classnames,
                found.predictions.by_class(found.predictions.zero_shot),
                strict=True,
            )
        )
        == plain
    )
    shown = shown_classes(page(found))
    assert {
        name.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
        for name in shown
    } == set(ours)
    assert shown["drink"] == (ours["drink"], ours["drink"] - plain["drink"])
    changes = [change for _, change in shown.values()]
    assert changes == sorted(changes, reverse=True)


def test_the_page_stands_alone_is_balanced_and_escapes_names(trained, capsys):
    assert main([str(trained)]) == 0
    assert capsys.readouterr().out == f"written to {trained / 'report.html'}\n"
    content = (trained / "report.html").read_text()
    parsed = Page(content)
    assert parsed.references and all(
        value.startswith("data:image/jpeg;base64,") for value in parsed.references
    )
    assert not re.search(r"https?:|url\(|@import|<script|<link", content)
    assert "<b>&" not in content and any('<b>&"bird' in text for text in parsed.text)
    assert len(content) < 200_000
    assert content == page(read_run(trained))  # the same each time
    assert sorted(path.name for path in trained.iterdir()) == [
        "VLPromptLearner",
        "config.yaml",
        "log.txt",
        "report.html",
        "tensorboard",
    ]


def test_curves_weights_and_numbers_are_those_of_the_run(trained):
    found, content = read_run(trained), page(read_run(trained))
    assert found.weights == gaussian_weights(3, 2, 1)
    for epoch, weight in enumerate(gaussian_weights(3, 2, 1), 1):
        assert f'title="epoch {epoch}: {100 * weight:.3g} %"' in content
    history = log.read(trained)
    assert history.names == [
        "loss",
        "loss_ce",
        "loss_scl_text",
        "loss_scl_image",
        "loss_scl_logits",
        "acc",
    ]
    titles = re.findall(r"<title>epoch (\d): (.*?)</title>", content)
    assert titles == [
        (str(epoch), f"{mean:g}")
        for name in history.names
        for epoch, (_, mean) in enumerate(history.means(name), 1)
    ]
    state = read_checkpoint(trained / "VLPromptLearner" / "model.pth.tar-3")["state_dict"]
    for fact in (
        "3</b><span>epochs",
        f"{sum(value.numel() for value in state.values()):,}</b><span>learned numbers",
    ):
        assert fact in content
    (accuracy,) = re.findall(r"\* accuracy: (.*)%", (trained / "log.txt").read_text())
    assert f"<b>{accuracy} %</b><span>accuracy on 16 test images" in content


def test_tensorboard_has_the_weight_of_each_epoch(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "tensorboard")).Reload()
    found = [(event.step, event.value) for event in events.Scalars("train/aggregation_weight")]
    weights = gaussian_weights(3, 2, 1)
    assert found == [(4 * epoch - 1, pytest.approx(weights[epoch - 1])) for epoch in (1, 2, 3)]
    losses = {f"train/{name}" for name in log.read(trained).names}
    assert losses | {"train/lr"} <= set(events.Tags()["scalars"])


@pytest.mark.parametrize(
    "trainer, pairs",
    [
        ("IVLP", ()),
        ("VPT", ()),
        ("MaPLe", ("REGULATION.ENABLED", "True", "REGULATION.GPA_MEAN", "2")),
        ("CoOp", ("TRAINER.COOP.CSC", "True", "TRAINER.COOP.CTX_INIT", "")),
        ("CoCoOp", ()),
        ("ZeroshotCLIP", ()),
        ("ZeroshotCLIP2", ()),
    ],
)
def test_every_method_has_its_page(data, tmp_path, trainer, pairs):
    run(data, tmp_path / "run", trainer, *pairs)
    found = read_run(tmp_path / "run")
    content = page(found)
    Page(content)
    assert found.missing == {} and f"<title>{trainer} on mine</title>" in content
    learns = not trainer.startswith("Zeroshot")
    assert ("Accuracy in training" in content) == learns
    assert bool(found.weights) == ("Prompt average" in content) == (trainer == "MaPLe")
    assert bool(found.words) == (learns and trainer != "VPT") == ("nearest embeddings" in content)
    assert (
        ("change</span>" in content)
        == (found.predictions.trained is not None)
        == (trainer != "ZeroshotCLIP")
    )
    if trainer == "CoOp":  # a context for each class
        assert len(found.words) == 4 and "<th>building</th>" in content


def test_a_test_of_other_classes_shows_whose_prompts_they_are(data, trained, tmp_path):
    new = ("DATASET.SUBSAMPLE_CLASSES", "new", "TRAINER.PROMPTSRC.GPA_MEAN", "2")
    run(
        data,
        tmp_path / "new",
        "PromptSRC",
        *new,
        flags=("--eval-only", "--model-dir", str(trained), "--load-epoch", "3"),
    )
    content = page(read_run(tmp_path / "new"))
    assert "<title>PromptSRC on mine, new classes</title>" in content
    assert (
        f"tested with the prompts of {trained}" in content
        and f"From the log of {trained}." in content
    )
    assert set(shown_classes(content)) == {"drink", "flower"}


def test_without_data_the_page_says_so_and_root_names_them(data, trained, tmp_path, capsys):
    moved = tmp_path / "moved"
    shutil.copytree(trained, moved)
    config = moved / "config.yaml"
    config.write_text(config.read_text().replace(str(data), str(tmp_path / "gone")))
    assert main([str(moved), "--to", str(tmp_path / "to")]) == 0
    said = f"without classes: {tmp_path / 'gone' / 'mine'} is no folder"
    assert said in capsys.readouterr().out
    content = (tmp_path / "to" / "report.html").read_text()
    Page(content)
    assert (
        "Not here: " in content and content.count("<svg") == 7 and "nearest embeddings" in content
    )
    assert main([str(moved), "--root", str(data)]) == 0
    assert "Not here" not in (moved / "report.html").read_text()


def test_a_log_alone_has_its_curves(trained, tmp_path):
    shutil.copy(trained / "log.txt", tmp_path)
    content = page(read_run(tmp_path))
    Page(content)
    assert content.count("<svg") == 7 and "has no config.yaml" in content


def test_a_run_that_is_not_finished(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "log.txt").read_text()
    (tmp_path / "log.txt").write_text(text[: text.index("epoch [3/3] batch [2/4]")])
    for file in (tmp_path / "VLPromptLearner").glob("model.pth.tar-3*"):
        file.unlink()
    content = page(read_run(tmp_path))
    assert (
        "<b>2 of 3</b>" in content
        and "This run is at epoch 2: its prompts are not averaged yet." in content
    )


def test_images_that_are_not_those_of_the_log_raise_a_doubt(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    log_file = tmp_path / "log.txt"
    log_file.write_text(re.sub(r"\* accuracy: .*%", "* accuracy: 3.1%", log_file.read_text()))
    assert "The log says 3.1 %, the images that are here give" in page(read_run(tmp_path))


@pytest.mark.parametrize(
    "content, message",
    [
        ("[1, 2", "config.yaml is not YAML"),
        ("NO_KEY: 1", "NO_KEY .* is no config key"),
        ("7", "holds no KEY: VALUE mapping"),
    ],
)
def test_a_damaged_configuration_is_one_line(tmp_path, capsys, content, message):
    (tmp_path / "config.yaml").write_text(content)
    assert main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert re.match(f"error: .*{message}", error) and error.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


def test_root_is_for_runs(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), "--root", "data"])
    assert stopped.value.code == 2 and "--root is for the page of a run" in capsys.readouterr().err
