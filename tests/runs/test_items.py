"""A folder is for one list of images: more of them, and the same command again."""

import json
import shutil

import pytest
from PIL import Image

import train
from promptsrc.files import fingerprint
from runs import folder, items
from runs.arguments import parse_args, setup_config
from tests.conftest import ROOT
from tests.datasets.roots import load, make_images, make_root

OWN = str(ROOT / "configs/datasets/own_images.yaml")
CONFIG = str(ROOT / "configs/trainers/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx.yaml")
NAMES = [f"{name}/{i}.png" for name in ("ape", "bat") for i in range(6)]


def words(root, output, *more):
    return [
        *("--trainer", "PromptSRC", "--seed", "1", "--root", str(root)),
        *("--dataset-config-file", OWN, "--config-file", CONFIG, "--output-dir", str(output)),
        *(more or ("OPTIM.MAX_EPOCH", "1", "DATALOADER.NUM_WORKERS", "0")),
    ]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIP_CACHE", str(tmp_path / "cache"))
    make_images(tmp_path / "photos", *NAMES)
    return tmp_path / "photos"


def files(place):
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_more_photos_and_the_same_command_is_one_line_and_changes_nothing(photos, tmp_path, capsys):
    run = tmp_path / "run"
    assert train.main(words(photos, run)) == 0
    assert json.loads((run / "items.json").read_text())["classes"] == ["ape", "bat"]
    shutil.copytree(photos, tmp_path / "moved")
    assert train.main(words(tmp_path / "moved", run)) == 0  # a root may move
    for log in run.glob("log.txt-*"):  # logs of one second share a file
        log.unlink()
    before = files(run)
    capsys.readouterr()
    make_images(photos, "cow/0.png", "cow/1.png", "cow/2.png")
    assert train.main(words(photos, run)) == 1
    error = capsys.readouterr().err
    assert error.startswith(
        f"error: the images have changed since the run in {run} began: 3 classes"
    )
    assert "3 classes, were 2" in error and "use another --output-dir, or delete it" in error
    assert error.count("\n") == 1 and files(run) == before
    # the prompts may be tested on any images, in another folder
    test = [
        "--eval-only",
        "--model-dir",
        str(run),
        "--load-epoch",
        "1",
        "DATASET.SUBSAMPLE_CLASSES",
        "base",
    ]
    assert train.main(words(photos, tmp_path / "test", *test)) == 0
    (photos / "cow/0.png").rename(photos / "cow/00.png")
    make_images(photos, "ape/new.png")
    assert train.main(words(photos, tmp_path / "test", *test)) == 1
    assert train.main(words(photos, tmp_path / "again", *test)) == 0


def test_a_run_without_the_list_resumes_with_the_split_it_had(photos, tmp_path, capsys):
    run = tmp_path / "run"
    earlier = words(photos, run, "OPTIM.MAX_EPOCH", "1", "DATASET.SHUFFLED_SPLIT", "True")
    assert train.main(earlier) == 0
    (run / "items.json").unlink()
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("  SHUFFLED_SPLIT: true\n", ""))
    assert setup_config(parse_args(words(photos, run))).DATASET.SHUFFLED_SPLIT
    assert train.main(words(photos, run)) == 0
    assert not (run / "items.json").exists()
    tested = setup_config(parse_args(words(photos, tmp_path / "t", "--model-dir", str(run))))
    assert tested.DATASET.SHUFFLED_SPLIT
    assert not setup_config(parse_args(words(photos, tmp_path / "new"))).DATASET.SHUFFLED_SPLIT


def test_a_start_that_came_to_nothing_leaves_no_list(photos, tmp_path, capsys):
    run = tmp_path / "run"
    with (
        pytest.raises(ValueError),
        folder.held(cfg := setup_config(parse_args(words(photos, run)))),
    ):
        folder.claim_items(cfg, load("ImageFolder", photos, SPLIT=(0.6, 0, 0.4)))
        assert (run / "items.json").is_file()
        raise ValueError
    assert not run.exists()


def described(root, *args, name="ImageFolder", **keys):
    return items.described(load(name, root, *args, **keys), str(root))


def test_what_differs_is_said(photos):
    keys = {"SPLIT": (0.6, 0, 0.4)}
    before = described(photos, **keys)
    assert items.changes(before, before) == ""
    (photos / "ape").rename(photos / "auk")
    assert items.changes(before, described(photos, **keys)).startswith("class 'auk', was 'ape'")
    (photos / "auk").rename(photos / "ape")
    assert items.changes(before, described(photos, **keys)) == ""
    make_images(photos, *(f"cow/{i}.png" for i in range(3)))
    assert items.changes(before, described(photos, **keys)).startswith("3 classes, were 2; ")
    shutil.rmtree(photos / "cow")
    (chosen,) = [i.impath for i in load("ImageFolder", photos, **keys).train_x][:1]
    shutil.move(chosen, photos.parent / "elsewhere.png")
    assert f"{before['images']['training']} training images, were" not in items.changes(
        before, described(photos, **keys)
    )


def test_as_many_other_images_are_a_change(photos):
    make_images(photos, "train/ape/0.png", "train/bat/0.png", "test/ape/0.png", "test/bat/0.png")
    before = described(photos)
    (photos / "train/ape/0.png").rename(photos / "train/ape/1.png")
    assert items.changes(before, described(photos)) == "as many, but others"


def test_published_datasets_too_wherever_their_root_is(tmp_path):
    for root in ("a", "b"):
        make_root(tmp_path / root, "EuroSAT")
    before = described(tmp_path / "a", 2, name="EuroSAT")
    assert items.changes(before, described(tmp_path / "b", 2, name="EuroSAT")) == ""
    assert items.changes(before, described(tmp_path / "b", 4, name="EuroSAT"))
    assert items.changes(before, described(tmp_path / "b", 2, "base", name="EuroSAT"))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"classes": 1, "images": {}, "sha256": ""}', "\xff", "[" * 10**5,
             '{"classes": ["a"], "images": {"training": "x"}, "sha256": "1"}']
)  # fmt: skip
def test_a_damaged_list_is_one_line(tmp_path, text):
    (tmp_path / "items.json").write_text(text, encoding="latin-1")
    with pytest.raises(
        ValueError, match="items.json is not the list of a run's images; restore it"
    ):
        items.read(tmp_path / "items.json")


def test_a_photo_replaced_under_its_name_is_another_one(photos, tmp_path, capsys):
    run = tmp_path / "run"
    assert train.main(words(photos, run)) == 0
    Image.effect_noise((40, 40), 50).save(photos / "ape/0.png")
    assert train.main(words(photos, run)) == 1
    assert "have changed since the run in" in (error := capsys.readouterr().err)
    assert "began: as many, but others" in error


def test_own_training_images_have_fingerprints(tmp_path):
    make_images(tmp_path, *(f"{part}/{c}/0.png" for part in ("train", "test") for c in "ab"))
    for number, file in enumerate(sorted(tmp_path.rglob("*.png"))):
        Image.new("RGB", (2, 2 + number)).save(file)
    found = items.described(load("ImageFolder", tmp_path), str(tmp_path))
    trained = {fingerprint(tmp_path / "train" / c / "0.png") for c in "ab"}
    assert set(found["trained_on"]) == trained and len(trained) == 2
    (tmp_path / items.NAME).write_text(json.dumps(found))
    for place in ("", "VLPromptLearner", "VLPromptLearner/model.pth.tar-1", "p.safetensors"):
        assert items.trained_on(tmp_path / place) == trained
    for text in ("{", "[]", '{"classes": []}', '{"trained_on": 5}', '{"trained_on": [[1]]}'):
        (tmp_path / items.NAME).write_text(text)
        assert items.trained_on(tmp_path) == set()
    assert items.trained_on(tmp_path / "no" / "such") == set()
