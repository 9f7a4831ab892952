"""predict.py as a user runs it, on a run of one epoch."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from PIL import Image

import predict
import promptsrc
from promptsrc.checkpoint import read_checkpoint
from promptsrc.files import fingerprint
from promptsrc.inference import printing
from tests.conftest import ROOT
from tests.test_train import arguments

DRAWINGS = ROOT / "data" / "emoji" / "images"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of one epoch on the base classes."""
    output = tmp_path_factory.mktemp("a run")
    words = arguments(
        output, "OPTIM.MAX_EPOCH", "1", "TRAINER.PROMPTSRC.GPA_MEAN", "1", "TEST.NO_TEST", "True"
    )
    subprocess.run(
        [sys.executable, "train.py", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    return output


@pytest.fixture
def photos(tmp_path):
    """Two drawings and a file that is not an image, in a folder with a blank and an umlaut."""
    folder = tmp_path / 'ä, "b"'
    folder.mkdir()
    for source, name in {
        "bird/emojione-1f413.png": "a b.png",
        "fruit/emojione-1f347.png": "c,d.png",
    }.items():
        Image.open(DRAWINGS / source).convert("RGBA").save(folder / name)
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


def test_table_csv_and_json_say_the_same_as_classify(run, photos, capsys):
    (photos / "broken.jpg").unlink()
    truth = promptsrc.load(run, "cpu").classify(photos)
    words = ["--model-dir", str(run), str(photos), "--device", "cpu"]
    assert predict.main([*words, "--json", "--top", "16"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"2 images in [\d.]+ s: .*\n", err) and json.loads(out) == [
        {"image": str(image), "classes": [{"name": n, "probability": p} for n, p in classes]}
        for image, classes in truth
    ]
    assert len(truth[0].classes) == 16
    assert predict.main([*words, "--csv", "--batch-size", "1", "--top", "2"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["image", "class", "probability"] and len(rows) == 5
    assert [row[:2] for row in rows[1:]] == [
        [str(image), c.name] for image, classes in truth for c in classes[:2]
    ]
    assert [float(row[2]) for row in rows[1:]] == pytest.approx(
        [c.probability for _, cs in truth for c in cs[:2]], abs=2e-5
    )
    assert predict.main(words) == 0
    *lines, blank, summary = capsys.readouterr().out.splitlines()
    assert blank == "" and summary.startswith("2 images in ")
    for line, (image, classes) in zip(lines, truth, strict=True):
        assert line.startswith(printing.shortened(image))
        assert re.findall(r"([\d.]+)% (\S+)", line) == [
            (f"{100 * p:.1f}", name) for name, p in classes[:5]
        ]


def test_new_names_and_a_file_of_them(run, photos, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("red fox\nowl, small\nhahn_ä\n", encoding="utf-8")
    words = ["--model-dir", str(run), str(photos / "a b.png"), "--json"]
    assert predict.main([*words, "--classnames-file", str(tmp_path / "names.txt")]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert {c["name"] for c in found["classes"]} == {"red fox", "owl, small", "hahn_ä"}
    assert predict.main([*words, "--classnames", " owl , red fox"]) == 0
    assert {c["name"] for c in json.loads(capsys.readouterr().out)[0]["classes"]} == {
        "owl",
        "red fox",
    }


def test_an_unreadable_image_is_passed_over_and_the_exit_code_says_so(run, photos, capsys):
    assert predict.main(["--model-dir", str(run), str(photos), "--json"]) == 1
    out, err = capsys.readouterr()
    assert [os.path.basename(one["image"]) for one in json.loads(out)] == ["a b.png", "c,d.png"]
    assert re.search(r"^skipped: image .*broken.jpg can't be read", err, re.M)
    assert re.search(r"^2 images in [\d.]+ s: .*; 1 could not be read\n", err, re.M)


def test_a_file_name_that_the_terminals_encoding_lacks(run, photos):
    source, name = photos / "a b.png", os.fsencode(photos) + b"/\xff.png"
    os.rename(source, name)
    words = [
        sys.executable,
        "predict.py",
        "--model-dir",
        run,
        name,
        photos / "c,d.png",
        "--csv",
        "--top",
        "1",
    ]
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch(r"2 images in .*\n", done.stderr)
    assert [row[0].rpartition("/")[2] for row in csv.reader(done.stdout.splitlines())] == [
        "image",
        r"\udcff.png",
        "c,d.png",
    ]


def test_a_checkpoint_from_before_class_names_were_kept(run, photos, tmp_path, capsys):
    (file,) = run.glob("*/model.pth.tar-1")
    checkpoint = read_checkpoint(file)
    stated = checkpoint["trainer_state"]["prompts"]
    assert len(stated.pop("classnames")) == 16 and stated.pop("input")["size"] == 48
    torch.save(checkpoint, tmp_path / "old.pth.tar")
    words = ["--model-dir", str(tmp_path / "old.pth.tar"), str(photos / "a b.png"), "--csv"]
    assert predict.main(words) == 1
    assert capsys.readouterr().err.startswith(
        "error: these prompts do not name their classes; give names: --classnames"
    )
    words += ["--classnames", "owl,bird"]
    assert predict.main(words) == 0
    old = capsys.readouterr().out
    assert predict.main([*words[:1], str(run), *words[2:]]) == 0
    assert capsys.readouterr().out == old  # the emoji configs have CLIP's published input


def test_a_bar_on_a_terminal_and_none_among_the_results(run, photos, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    assert (
        predict.main(["--model-dir", str(run), str(photos / "a b.png"), "--csv", "--top", "1"]) == 0
    )
    assert "0/1 [00:00<?, ?image/s]" in sys.stderr.getvalue()
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    "words, code, message",
    [
        (["nowhere.png"], 1, "error: no image or folder at nowhere.png"),
        (["tests/goldens/checkpoints"], 1, "error: folder tests/goldens/checkpoints has no images"),
        (["data", "--classnames", "a,,b"], 2, "error: --classnames: name 2 is empty"),
        (
            ["data", "--classnames", "a_b,a b"],
            2,
            "error: --classnames: duplicate class name 'a b' (the same as 'a_b')",
        ),
        (
            ["data", "--classnames", "bird,owl,Bird"],
            2,
            "error: --classnames: duplicate class name 'Bird' (the same as 'bird')",
        ),
        (
            ["data", "--classnames", "very " * 80],
            1,
            "is longer than CLIP's 77 tokens; shorten the class name",
        ),
        (
            ["data", "--classnames-file", "nowhere.txt"],
            2,
            "error: no file nowhere.txt (--classnames-file)",
        ),
        (["data", "--device", "abacus"], 1, "error: device 'abacus' cannot be used here"),
        (
            ["data", "--device", "meta"],
            1,
            "error: device 'meta' cannot be used here (Cannot copy out of meta tensor",
        ),
        (["data", "--model-dir", "nowhere"], 1, "error: no file nowhere"),
        (
            ["data", "--model-dir", "docs"],
            1,
            "error: docs has no checkpoint; is it the folder of one run",
        ),
        (["data", "--top", "0"], 2, "invalid whole number above 0: '0'"),
        (["data", "--json", "--csv"], 2, "not allowed with argument"),
        (["data", "--classnames", "a", "--classnames-file", "b"], 2, "not allowed with argument"),
        ([], 2, "the following arguments are required: IMAGE_OR_FOLDER"),
    ],
)
def test_what_cannot_be_done_gets_a_line(run, in_root, capsys, words, code, message):
    try:
        assert predict.main(["--model-dir", str(run), *words]) == code
    except SystemExit as exit_:
        assert exit_.code == code
    out, err = capsys.readouterr()
    assert out == "" and message in err
    assert err.count("\n") == 1


def test_help_answers_without_pytorch():
    code = (
        "import sys, predict\n"
        "try: predict.main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "IMAGE_OR_FOLDER" in done.stdout, done.stderr


@pytest.mark.parametrize("images", ["data/emoji/images", "data/emoji/images/bird"])
def test_a_reader_that_has_enough_ends_it_quietly(run, images):
    words = f'--model-dir "{run}" {images} --csv --classnames a,b'
    command = f'set -o pipefail; "{sys.executable}" predict.py {words} | head -n 1'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    found = done.returncode, done.stdout, done.stderr
    assert found == (0, "image,class,probability\n", "")


def test_photos_of_the_training_are_marked(run, photos, tmp_path, capsys):
    (photos / "broken.jpg").unlink()
    (tmp_path / "copy" / "VLPromptLearner").mkdir(parents=True)
    for file in run.glob("VLPromptLearner/*"):
        shutil.copy(file, tmp_path / "copy" / "VLPromptLearner")
    known = fingerprint(photos / "a b.png")
    (tmp_path / "copy" / "items.json").write_text(json.dumps({"trained_on": [known]}))
    for place in ("copy", "copy/VLPromptLearner", "copy/VLPromptLearner/model.pth.tar-1"):
        words = ["--model-dir", str(tmp_path / place), str(photos), "--top", "1"]
        assert predict.main(words) == 0
        first, second, _, summary = capsys.readouterr().out.splitlines()
        assert first.endswith("  (trained on)") and not second.endswith(")")
        assert summary.endswith("; 1 of them was trained on")
    assert predict.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one.get("trained_on") for one in found] == [True, None]


def test_ctrl_c_ends_it_with_a_word(run, photos, monkeypatch, capsys):
    monkeypatch.setattr(printing, "print_table", lambda *_: signal.raise_signal(signal.SIGINT))
    assert predict.main(["--model-dir", str(run), str(photos)]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr(predict, "predict", full)
    assert predict.main(["--model-dir", "run", "photos", "--device", "cuda"]) == 1
    error = "error: the GPU has too little memory; use a smaller --batch-size\n"
    assert capsys.readouterr().err == error
