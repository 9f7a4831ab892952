"""The commands of docs/REAL_PHOTOS.md, from `git clone` on, on made copies of both datasets."""

import csv
import os
import re
import shlex
import subprocess
import sys

import pytest
from dassl.data.datasets import DATASET_REGISTRY
from PIL import Image

import datasets.register  # noqa: F401 (registers the datasets)
import sweep.__main__
import train
from datasets.check.__main__ import main as check
from runs.protocols import Method, plan
from runs.results import TRAINED, parse_run
from tests.conftest import ROOT
from tests.datasets.roots import make_root

PAGE = (ROOT / "docs" / "REAL_PHOTOS.md").read_text()
FETCH, TABLE, CHECK, TRAIN, SWEEP = re.findall(r"<!-- run by [^\n]* -->\n```\n(.*?)```", PAGE, re.S)
GIT = 'git() { mkdir -p "$(dirname "$3")" && cp -r "$PUBLISHED/$(basename "$2")" "$3"; }\n'
CLASSES = (  # the file has Windows' ends of lines
    "Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int)\r\n"
    "Granny-Smith,0,Apple,0\r\nRoyal-Gala,1,Apple,0\r\nPassion-Fruit,2,Passion-Fruit,1\r\n"
    "Bravo-Juice,3,Juice,2\r\nLeek,4,Leek,3\r\nZucchini,5,Zucchini,4\r\n"
)
IMAGES = {  # fine and coarse class, mode
    "train/Fruit/Apple/Granny-Smith/1.jpg": (0, 0, "RGB"),
    "train/Fruit/Apple/Royal-Gala/1.jpg": (1, 0, "L"),
    "train/Fruit/Passion-Fruit/1, cut (a).jpg": (2, 1, "CMYK"),
    "train/Vegetables/Leek/1.jpg": (4, 3, "RGB"),
    "train/Vegetables/Zucchini/1.jpg": (5, 4, "RGB"),
    "train/Packages/Juice/Bravo-Juice/1.jpg": (3, 2, "RGB"),
    "val/Fruit/Apple/Granny-Smith/1.jpg": (0, 0, "RGB"),
    "test/Fruit/Apple/Granny-Smith/1.jpg": (0, 0, "RGB"),
    "test/Fruit/Passion-Fruit/1.jpg": (2, 1, "RGB"),
    "test/Vegetables/Leek/1.jpg": (4, 3, "RGB"),
}


def make_caltech(published):
    """The images in one repository, the split file in another."""
    split = published / "split_zhou_Caltech101"
    split.mkdir(parents=True)
    images = make_root(published, "Caltech101").rename(published / "Homework2-Caltech101")
    (images / f"{split.name}.json").rename(split / f"{split.name}.json")


def make_grocery(folder):
    """Photos lie on their side, as phones store them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for shade, (path, (_, _, mode)) in enumerate(IMAGES.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (12, 8), (20 * shade, 90, 0)).convert(mode)
        image.save(folder / path, exif=exif)
    (folder / "classes.csv").write_bytes(CLASSES.encode())
    for part in ("train", "val", "test"):
        rows = [
            f'"{path}", {fine}, {coarse}\n' if "," in path else f"{path}, {fine}, {coarse}\n"
            for path, (fine, coarse, _) in IMAGES.items()
            if path.startswith(part)
        ]
        (folder / f"{part}.txt").write_text("".join(rows))


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """A folder in which the page's first two blocks were run; the table's rows."""
    make_caltech(tmp_path / "published")
    make_grocery(tmp_path / "published" / "GroceryStoreDataset" / "dataset")
    monkeypatch.setenv("PUBLISHED", str(tmp_path / "published"))
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    subprocess.run(["bash", "-euc", GIT + FETCH + TABLE], check=True, stdout=subprocess.DEVNULL)
    with open("DATA/GroceryStoreDataset/dataset/produce.csv", newline="") as file:
        return list(csv.reader(file))


def words_of(block):
    """The arguments of each command, without `python` and the program."""
    lines = block.replace("\\\n", " ").splitlines()
    return [re.sub(r"^python (-m )?\S+ ", "", line) for line in lines]


def test_the_table_has_coarse_classes_and_no_packages(fetched):
    assert fetched == [
        ["path", "class", "split"],
        ["train/Fruit/Apple/Granny-Smith/1.jpg", "Apple", "train"],
        ["train/Fruit/Apple/Royal-Gala/1.jpg", "Apple", "train"],
        ["train/Fruit/Passion-Fruit/1, cut (a).jpg", "Passion Fruit", "train"],
        ["train/Vegetables/Leek/1.jpg", "Leek", "train"],
        ["train/Vegetables/Zucchini/1.jpg", "Zucchini", "train"],
        ["val/Fruit/Apple/Granny-Smith/1.jpg", "Apple", "val"],
        ["test/Fruit/Apple/Granny-Smith/1.jpg", "Apple", "test"],
        ["test/Fruit/Passion-Fruit/1.jpg", "Passion Fruit", "test"],
        ["test/Vegetables/Leek/1.jpg", "Leek", "test"],
    ]


def test_both_datasets_are_ready(fetched, capsys):
    caltech, grocery = map(shlex.split, words_of(CHECK))
    assert (check(caltech), check(grocery)) == (0, 0)
    out = capsys.readouterr().out
    assert re.search(r"Caltech101 +ready.* 170 images opened", out)
    assert re.search(r"CSV +ready.* 9 images, 4 classes in ", out)
    assert "9 images are turned" in out


def test_the_table_is_trained_on(fetched, tmp_path):
    (words,) = words_of(TRAIN)
    assert train.main([*shlex.split(words), "OPTIM.MAX_EPOCH", "1"]) == 0
    assert parse_run(tmp_path / "output" / "produce", TRAINED) is not None


def test_its_halves_are_those_of_a_sweep(fetched):
    halves = []
    for job in plan("base2new", Method("ZeroshotCLIP", "DATA"), ["grocery"], [1]):
        cfg = job.config()
        halves.append(DATASET_REGISTRY.get(cfg.DATASET.NAME)(cfg).classnames)
    assert halves == [["Apple", "Leek"], ["Passion Fruit", "Zucchini"]]


def test_the_sweeps_run_three_seeds_in_a_process(fetched, capsys):
    base2new, few_shot, _ = words_of(SWEEP)
    for words, seeds in ((base2new, [3] * 12), (few_shot, [0] + [3] * 6)):  # zero-shot has none
        assert sweep.__main__.main([*shlex.split(words), "--dry-run"]) == 0
        commands = capsys.readouterr().out.splitlines()
        assert [line.count("--seed ") for line in commands] == seeds
