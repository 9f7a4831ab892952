"""From a root to items: layouts, caches, moved and shared roots, bad input.

The items and their order are in test_parity.py.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.datasets.roots import GOLDEN, items, load, make_root

PROJECT = Path(__file__).parents[2]


def golden_split_digest(name):
    """The sha256 of the split file that the reference wrote, with 16 shots and seed 1."""
    content = json.loads((GOLDEN / f"{name}.json").read_text())
    (steps,) = [sequence["steps"] for sequence in content["sequences"] if sequence["mode"] == "raw"]
    (digest,) = [cache["sha256"] for cache in steps[0]["caches"].values() if "sha256" in cache]
    return digest


@pytest.mark.parametrize("name", ["OxfordPets", "StanfordCars", "UCF101"])
def test_a_drawn_split_is_kept_to_the_byte_as_the_reference_keeps_it(tmp_path, name):
    import hashlib

    folder = make_root(tmp_path, name, split_file=False)
    load(name, tmp_path, 16)
    written = (folder / f"split_zhou_{name}.json").read_bytes()
    assert hashlib.sha256(written).hexdigest() == golden_split_digest(name)


def test_a_second_run_reads_what_the_first_kept(tmp_path):
    folder = make_root(tmp_path, "DescribableTextures", split_file=False)
    first = load("DescribableTextures", tmp_path, 4)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}
    second = load("DescribableTextures", tmp_path, 4)
    assert items(second.train_x) == items(first.train_x) and items(second.val) == items(first.val)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")} == times
    assert len(times) == 2


def test_caches_survive_a_moved_root(tmp_path, capsys):
    make_root(tmp_path / "old", "EuroSAT")
    before = load("EuroSAT", tmp_path / "old", 4)
    shutil.move(tmp_path / "old", tmp_path / "new")
    capsys.readouterr()
    after = load("EuroSAT", tmp_path / "new", 4, seed=1)
    assert items(after.train_x) == items(before.train_x)
    assert all(item.impath.startswith(f"{tmp_path}/new/eurosat/2750/") for item in after.train_x)
    assert capsys.readouterr().out == ""


def test_base_and_new_share_the_shots_of_all(tmp_path):
    folder = make_root(tmp_path, "Food101")
    base, new, both = (load("Food101", tmp_path, 2, half) for half in ("base", "new", "all"))
    assert [name for name, _, _ in items(base.train_x) + items(new.train_x)] == [
        name for name, _, _ in items(both.train_x)
    ]
    assert os.listdir(folder / "split_fewshot") == ["shot_2-seed_1.json"]


def test_a_changed_split_file_draws_again(tmp_path, capsys):
    folder = make_root(tmp_path, "OxfordPets")
    load("OxfordPets", tmp_path, 4)
    path = folder / "split_zhou_OxfordPets.json"
    content = json.loads(path.read_text())
    content["train"], content["test"] = (
        content["train"][::2],
        content["test"] + content["train"][1::2],
    )
    path.write_text(json.dumps(content))
    dataset = load("OxfordPets", tmp_path, 4)
    assert "belongs to another split: few-shot images are drawn again" in capsys.readouterr().out
    assert not {name for name, _, _ in items(dataset.train_x)} & {
        name for name, _, _ in items(dataset.test)
    }
    assert items(load("OxfordPets", tmp_path, 4).train_x) == items(dataset.train_x)


def test_drawing_and_reading_shots_leave_the_same_random_state(tmp_path):
    make_root(tmp_path, "OxfordPets")
    states = []
    for _ in range(2):
        load("OxfordPets", tmp_path, 4)
        states.append(random.getstate())
    assert states[0] == states[1]


def test_a_read_only_root_gives_the_same_items(tmp_path, monkeypatch, capsys):
    make_root(tmp_path / "a", "OxfordPets", split_file=False)
    make_root(tmp_path / "b", "OxfordPets", split_file=False)
    writable = load("OxfordPets", tmp_path / "a", 4)
    before = sorted((tmp_path / "b").rglob("*"))
    capsys.readouterr()

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    for _ in range(2):
        dataset = load("OxfordPets", tmp_path / "b", 4)
        assert items(dataset.train_x) == items(writable.train_x) and items(dataset.val) == items(
            writable.val
        )
    assert sorted((tmp_path / "b").rglob("*")) == before
    lines = [line for line in capsys.readouterr().out.splitlines() if "Read-only" in line]
    assert len(lines) == 4
    for line, what in zip(lines[:2], ("split", "shots"), strict=True):
        assert line.startswith("cannot write ") and line.endswith(
            f"(Read-only file system): each run draws its {what}, the same for the same seed"
        )


RUNS = """
import json, sys, time
from pathlib import Path
from tests.datasets.roots import items, load
go, up, result, seed = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
up.touch()
while not go.exists():
    time.sleep(0.001)
found = []
for root in sys.argv[5:]:
    dataset = load("OxfordPets", root, 4, seed=seed)
    whole = load("OxfordPets", root, seed=9)
    found.append([items(dataset.train_x), items(dataset.val), sorted(items(whole.train_x))])
result.write_text(json.dumps(found))
"""


def start(tmp_path, number, seed, roots):
    """A run in its own process; its result is a file, since a full pipe would stop it."""
    marks = [tmp_path / "go", tmp_path / f"up{number}", tmp_path / f"result{number}"]
    call = [sys.executable, "-c", RUNS, *marks, seed, *roots]
    return subprocess.Popen(list(map(str, call)), cwd=PROJECT, stdout=subprocess.DEVNULL)


def test_runs_that_start_at_once_agree(tmp_path):
    """Three runs, two with one seed, on new roots without split file; files are always whole."""
    roots = [tmp_path / str(number) for number in range(8)]
    folders = [make_root(root, "OxfordPets", split_file=False) for root in roots]
    runs = [start(tmp_path, number, seed, roots) for number, seed in enumerate((1, 1, 2))]
    while len(list(tmp_path.glob("up*"))) < len(runs):
        assert all(run.poll() is None for run in runs)
        time.sleep(0.01)
    (tmp_path / "go").touch()
    reads = 0
    while any(run.poll() is None for run in runs):
        for folder in folders:
            for path in [*folder.glob("split_zhou*"), *folder.glob("split_fewshot/shot*")]:
                json.loads(path.read_text())
                reads += 1
    assert [run.returncode for run in runs] == [0, 0, 0]
    results = [
        json.loads((tmp_path / f"result{number}").read_text()) for number in range(len(runs))
    ]
    assert reads > 0
    assert results[0] == results[1]
    for first, other in zip(results[0], results[2], strict=True):
        assert first[0] != other[0] and first[2] == other[2]
    for folder in folders:
        names = {
            path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".jpg"
        }
        annotations = {"trainval.txt", "test.txt", "list.txt"}
        assert names - annotations == {
            "split_zhou_OxfordPets.json",
            "shot_4-seed_1.json",
            "shot_4-seed_2.json",
        }


def test_missing_root_names_it_and_what_it_should_hold(tmp_path):
    message = rf"--root .* is {tmp_path}/no, which is not a folder; .* oxford_pets/"
    with pytest.raises(FileNotFoundError, match=message):
        load("OxfordPets", tmp_path / "no")


def test_missing_folder_names_the_check(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=rf"DTD|{tmp_path}, which has no dtd/; `python -m datasets.check"
    ):
        load("DescribableTextures", tmp_path)


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("OxfordPets", "annotations/trainval.txt"),
        ("OxfordFlowers", "cat_to_name.json"),
        ("StanfordCars", "cars_test_annos_withlabels.mat"),
        ("FGVCAircraft", "images_variant_val.txt"),
        ("ImageNet", "classnames.txt"),
        ("ImageNetA", "classnames.txt"),
    ],
)
def test_missing_file_is_named_with_the_check(tmp_path, name, absent):
    folder = make_root(tmp_path, name, split_file=False)
    (folder / absent).unlink()
    with pytest.raises(
        FileNotFoundError, match=f"{name}: {folder} has no {absent}; `python -m datasets.check"
    ):
        load(name, tmp_path)


def test_annotations_are_not_needed_beside_a_split_file(tmp_path):
    folder = make_root(tmp_path, "OxfordPets")
    shutil.rmtree(folder / "annotations")
    assert len(load("OxfordPets", tmp_path).classnames) == 7


def test_missing_images_are_counted_and_one_is_named(tmp_path):
    folder = make_root(tmp_path, "OxfordPets")
    test = json.loads((folder / "split_zhou_OxfordPets.json").read_text())["test"]
    for name, _, _ in test[3:5]:
        (folder / "images" / name).unlink()
    first = f"{folder}/images/{test[3][0]}"
    expected = rf"2 of {len(test)} images are missing, the first is {first}; restore them"
    with pytest.raises(FileNotFoundError, match=expected):
        load("OxfordPets", tmp_path)


def test_negative_shots(tmp_path):
    make_root(tmp_path, "OxfordPets")
    with pytest.raises(ValueError, match="DATASET.NUM_SHOTS is -3; give images per class, or -1"):
        load("OxfordPets", tmp_path, -3)


@pytest.mark.parametrize("shots", [-1, 0])
def test_no_shots_mean_all(tmp_path, shots):
    make_root(tmp_path, "OxfordPets")
    assert len(load("OxfordPets", tmp_path, shots).train_x) == 125


def test_unknown_half(tmp_path):
    make_root(tmp_path, "OxfordPets")
    with pytest.raises(
        ValueError, match="SUBSAMPLE_CLASSES is 'novel'; it is one of all, base, new"
    ):
        load("OxfordPets", tmp_path, -1, "novel")


def test_a_class_without_training_images_is_named(tmp_path):
    folder = make_root(tmp_path, "OxfordPets")
    path = folder / "split_zhou_OxfordPets.json"
    content = json.loads(path.read_text())
    content["train"] = [row for row in content["train"] if row[1] != 2]
    name = next(row[2] for row in content["test"] if row[1] == 2)
    path.write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match=rf"1 of the labels have no training image: 2 \({name}\); complete"
    ):
        load("OxfordPets", tmp_path)


def test_an_empty_class_folder_is_named(tmp_path):
    folder = make_root(tmp_path, "EuroSAT", split_file=False)
    shutil.rmtree(folder / "2750" / "River")
    (folder / "2750" / "River").mkdir()
    with pytest.raises(
        ValueError, match=f"{folder}/2750/River has no images; fill it, or remove it"
    ):
        load("EuroSAT", tmp_path)


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_root(tmp_path / "data", "OxfordPets")
    assert (
        load("OxfordPets", "~/data")
        .train_x[0]
        .impath.startswith(f"{tmp_path}/data/oxford_pets/images/")
    )
