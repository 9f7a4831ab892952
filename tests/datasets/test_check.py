"""What it says of a root: ready, or what is missing, what was found instead, and what to do."""

import subprocess
import sys

import pytest
from dassl.data.datasets import DATASET_REGISTRY

import datasets.register  # noqa: F401
from datasets.check.__main__ import SHIPPED, main
from datasets.check.published import PUBLISHED
from tests.conftest import ROOT
from tests.datasets.roots import make_images, make_root

FIFTEEN = [name for name in PUBLISHED if name not in SHIPPED]


@pytest.mark.parametrize("name", FIFTEEN)
def test_a_made_root_is_ready_but_small(tmp_path, name, capsys):
    make_root(tmp_path, name)
    assert main(["--root", str(tmp_path), name, "--all"]) == 0
    line, note = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{name:20} ready, but") and "test images" in line
    assert "yours will not compare" in note and f"{PUBLISHED[name].classes:,} classes" in note


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_ones_are_as_they_should_be(name, capsys):
    assert main(["--root", str(ROOT / "data"), name, "--all"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == [name, "ready"] and "but" not in line


def test_nothing_there_says_where_everything_is_published(tmp_path, capsys):
    assert main(["--root", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.count("NOT READY") == len(FIFTEEN) == 15
    assert all(PUBLISHED[name].home in out for name in FIFTEEN)


@pytest.mark.parametrize(
    "name, files, said",
    [
        (
            "ImageNet",
            ["imagenet/images/train/n01/a.png", "imagenet/images/val/ILSVRC2012_val_1.JPEG"],
            "a flat val folder",
        ),
        ("ImageNet", ["imagenet/train/n01/a.png"], "move train/ and val/ into imagenet/images/"),
        (
            "StanfordCars",
            ["stanford_cars/car_ims/1.png"],
            "the archive with all images in one folder",
        ),
        (
            "OxfordPets",
            ["oxford-iiit-pet/images/a.png"],
            "oxford-iiit-pet/: rename it to oxford_pets/",
        ),
        ("OxfordPets", ["oxford_pets/images/images/a.png"], "unpacked twice"),
        (
            "DescribableTextures",
            ["dtd/dtd/images/banded/a.png"],
            "dtd/dtd/images: move it to dtd/images",
        ),
        ("EuroSAT", ["eurosat/EuroSAT_RGB/River/a.png"], "rename it to 2750"),
        ("UCF101", ["UCF-101/a.png"], "get the middle frame of each"),
    ],
)
def test_known_look_alikes_are_recognised(tmp_path, name, files, said, capsys):
    for file in files:
        make_images((tmp_path / file).parent, "a.png")
        (tmp_path / file).touch()
    assert main(["--root", str(tmp_path), name]) == 1
    assert said in capsys.readouterr().out


def test_a_missing_and_a_damaged_image_are_named(tmp_path, capsys):
    folder = make_root(tmp_path, "EuroSAT")
    files = sorted((folder / "2750").glob("*/*.jpg"))
    files[5].write_bytes(files[5].read_bytes()[:100])
    assert main(["--root", str(tmp_path), "EuroSAT", "--all"]) == 1
    out = capsys.readouterr().out
    assert f"1 of 350 images opened are unreadable: {files[5]}; get this file again" in out
    files[5].unlink()
    assert main(["--root", str(tmp_path), "EuroSAT"]) == 1
    assert f"1 of 350 images are missing, the first is {files[5]}" in capsys.readouterr().out


def test_without_the_split_file_it_says_whose_split_it_will_be(tmp_path, capsys):
    make_root(tmp_path, "EuroSAT", split_file=False)
    assert main(["--root", str(tmp_path), "EuroSAT"]) == 0
    out = capsys.readouterr().out
    assert "no split_zhou_EuroSAT.json: the first run will draw its own split" in out
    assert not list(tmp_path.rglob("*.json"))  # it writes nothing


@pytest.mark.parametrize(
    "words, said",
    [
        (["nowhere"], "nowhere is not a folder; give your own images, or the one that has"),
        ([".", "ImageNett"], "did you mean ImageNet"),
    ],
)
def test_an_invalid_command_line(words, said, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_help_needs_no_pytorch():
    """So that it is there at once."""
    code = "import sys\nfrom datasets.check.__main__ import main\ntry: main(['--help'])\n"
    code += "finally: assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_folders_are_those_of_the_datasets():
    folders = {name: DATASET_REGISTRY.get(name).dataset_dir for name in PUBLISHED}
    assert folders == {name: published.folder for name, published in PUBLISHED.items()}
