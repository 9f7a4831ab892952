"""Own images are read as they are shown, published ones as stored, those of old runs as before."""

import base64
import contextlib
import io
import re
import shutil

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import predict
import promptsrc
import train
from promptsrc.checkpoint import read_checkpoint
from promptsrc.inference.prompt_file import read_prompts
from promptsrc.run_folder import find
from report.run import read_run
from report.run_report import run_report
from runs import reading, saved_config
from runs.arguments import parse_args, setup_config
from tests.conftest import ROOT

CLASSES = ("bird", "flower", "fruit", "mammal")
CONFIG = ROOT / "configs/trainers/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx.yaml"
QUARTER = 6  # stored turned to the left


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The same images upright, and stored turned with the EXIF entry that turns them back."""
    root = tmp_path_factory.mktemp("data")
    turned = Image.Exif()
    turned[0x0112] = QUARTER
    for name in CLASSES:
        for part in ("upright", "turned"):
            (root / part / name).mkdir(parents=True)
        for file in sorted((ROOT / "data/emoji/images" / name).iterdir())[:4]:
            with Image.open(file) as drawing:
                image = drawing.convert("RGB").crop((0, 0, 48, 40))
            image.save(root / "upright" / name / file.name)
            stored = image.transpose(Image.Transpose.ROTATE_90)
            stored.save(root / "turned" / name / file.name, exif=turned)
    (root / "own.yaml").write_text("DATASET: {NAME: ImageFolder, FOLDER: ., SPLIT: [0.5, 0, 0.5]}")
    return root


def words(root, part, output, *pairs, flags=()):
    own = f"--trainer PromptSRC --root {root / part} --dataset-config-file {root / 'own.yaml'} "
    own += f"--config-file {CONFIG} --seed 1 --output-dir {output}"
    short = ("OPTIM.MAX_EPOCH", "1", "TRAINER.PROMPTSRC.GPA_MEAN", "1")
    return [*own.split(), *flags, *short, *pairs]


def trained(root, part, output, *pairs, flags=()):
    """What a run printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert train.main(words(root, part, output, *pairs, flags=flags)) == 0
    return out.getvalue()


def evaluated(root, run, output, *pairs):
    """What a test of a run's prompts on the turned images printed."""
    return trained(
        root,
        "turned",
        output,
        *pairs,
        flags=("--eval-only", "--model-dir", str(run), "--load-epoch", "1"),
    )


def accuracy(said):
    return re.findall(r"(?:accuracy: |right, )([\d.]+%)", said)[-1]


def config(words):
    return setup_config(parse_args(words))


def classes_of(predictions):
    return [(image.name, classes) for image, classes in predictions]


@pytest.fixture(scope="module")
def runs(root, tmp_path_factory):
    """Runs on the upright images, on the turned ones, and on these as they are stored."""
    output = tmp_path_factory.mktemp("runs")
    stored = ("INPUT.READ_AS", "stored")
    said = {
        "upright": trained(root, "upright", output / "upright"),
        "turned": trained(root, "turned", output / "turned"),
        "stored": trained(root, "turned", output / "stored", *stored),
    }
    return output, said


def test_training_and_test_see_the_image_as_people_do(runs):
    output, said = runs
    tensors = {name: read_prompts(output / name).tensors for name in said}
    for key, value in tensors["upright"].items():
        assert torch.equal(value, tensors["turned"][key])
    assert any(not torch.equal(v, tensors["stored"][k]) for k, v in tensors["upright"].items())
    assert accuracy(said["upright"]) == accuracy(said["turned"])
    line = "Images are read as stored: not turned as EXIF says (INPUT.READ_AS)"
    assert [line in said[name] for name in ("upright", "turned", "stored")] == [False, False, True]


def test_a_checkpoint_states_it_and_predictions_follow(runs, root):
    output, _ = runs
    read_as = {
        name: read_prompts(output / name).description["input"].get("read_as")
        for name in ("turned", "stored")
    }
    assert read_as == {"turned": "shown", "stored": None}
    shown, stored = (promptsrc.load(output / name, "cpu") for name in ("turned", "stored"))
    for classifier, same in ((shown, True), (stored, False)):
        found = [classes_of(classifier.classify(root / part)) for part in ("upright", "turned")]
        assert (found[0] == found[1]) == same
        images = sorted((root / "turned").rglob("*.png"))
        opened = [Image.open(file) for file in images]  # a PIL image has its EXIF entries, too
        assert [c for _, c in classifier.classify(opened)] == [c for _, c in found[1]]
        for image in opened:
            image.close()


def test_a_report_shows_images_as_the_run_read_them(runs):
    output, _ = runs
    shapes = {}
    for name in ("turned", "stored"):
        page = run_report(read_run(output / name))
        thumbnails = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
        images = [Image.open(io.BytesIO(base64.b64decode(jpeg))) for jpeg in thumbnails]
        shapes[name] = {image.size for image in images}
    assert shapes == {"turned": {(48, 40)}, "stored": {(40, 48)}}


def test_a_test_reads_as_the_training_did(runs, root, tmp_path):
    output, said = runs
    for name in ("turned", "stored"):
        again = evaluated(root, output / name, tmp_path / name)
        assert accuracy(again) == accuracy(said[name]) and "Note: images are read" not in again
    other = evaluated(root, output / "stored", tmp_path / "other", "INPUT.READ_AS", "shown")
    assert "Note: images are read as shown, in training as stored (INPUT.READ_AS)" in other


def without_the_key(run, folder):
    """The run's folder as it was before there was the key."""
    shutil.copytree(run, folder)
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    del settings["INPUT"]["READ_AS"]
    settings["OUTPUT_DIR"] = str(folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder


def test_an_old_run_stays_as_it_is(runs, root, tmp_path):
    output, _ = runs
    old = without_the_key(output / "stored", tmp_path / "old")
    before = read_checkpoint(find(old))
    said = trained(root, "turned", old)  # resumed after its last epoch
    assert "Images are read as stored" in said and accuracy(said) == accuracy(runs[1]["stored"])
    after = read_checkpoint(find(old))
    assert after["trainer_state"]["prompts"] == before["trainer_state"]["prompts"]
    assert saved_config.matches(config(words(root, "turned", old)))
    assert read_run(old).read_as == "stored"


def test_an_old_run_is_not_resumed_in_another_way(runs, root, tmp_path, capsys):
    old = without_the_key(runs[0] / "stored", tmp_path / "old")
    assert train.main(words(root, "turned", old, "INPUT.READ_AS", "shown")) == 1
    assert "INPUT.READ_AS (there: stored, here: shown)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "dataset, read_as",
    [("ImageFolder", "shown"), ("CSV", "shown"), ("Emoji", ""), ("EuroSAT", ""), ("", "")],
)
def test_new_runs(tmp_path, dataset, read_as):
    pairs = ["DATASET.NAME", dataset, "OUTPUT_DIR", str(tmp_path)]
    assert read_as == config(pairs).INPUT.READ_AS
    for given in ("stored", "shown"):
        assert given == config([*pairs, "INPUT.READ_AS", given]).INPUT.READ_AS


def test_a_test_of_a_foreign_checkpoint_reads_what_is_stored(tmp_path):
    pairs = ["DATASET.NAME", "CSV", "MODEL_DIR", str(tmp_path), "OUTPUT_DIR", str(tmp_path / "o")]
    assert config(pairs).INPUT.READ_AS == "stored"
    (tmp_path / "config.yaml").write_text("INPUT: {READ_AS: shown}")
    assert config(pairs).INPUT.READ_AS == "shown"
    (tmp_path / "config.yaml").write_text("INPUT: [")
    assert reading.read_as(config(pairs)) == "stored"


def test_transparency_is_white_where_images_are_shown(runs, tmp_path):
    """A black icon on nothing, and the same one drawn on white."""
    output, _ = runs
    icon = np.zeros((48, 48, 4), np.uint8)
    icon[12:36, 20:28, 3] = 255
    Image.fromarray(icon).save(tmp_path / "icon.png")
    drawn = np.where(icon[..., 3:] == 255, 0, 255).repeat(3, 2).astype(np.uint8)
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    shown, stored = (promptsrc.load(output / name, "cpu") for name in ("turned", "stored"))
    for classifier, same in ((shown, True), (stored, False)):
        (_, first), (_, second) = classifier.classify(tmp_path)
        assert (first == second) == same


def test_predict_counts_the_images_that_it_does_not_turn(runs, root, capsys):
    output, _ = runs
    for name, line in {
        "stored": "16 of 32 images have an EXIF orientation, which is not applied",
        "turned": "",
    }.items():
        assert predict.main(["--model-dir", str(output / name), str(root), "--csv"]) == 0
        err = capsys.readouterr().err
        assert line in err and ("EXIF" in err) == bool(line)
