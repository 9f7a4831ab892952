import json
import pickle
from pathlib import Path

import pytest
from dassl.data.datasets import Datum

from datasets.shots import (
    DatumUnpickler,
    PickledDatum,
    fingerprint,
    read_pickle,
    read_shots,
    store_shots,
)
from datasets.splits import Item, Split
from tests.datasets.roots import GOLDEN, items, load, make_root

SPLIT = Split([Item("images/a.jpg", 0, "cat"), Item("images/b.jpg", 1, "dog")], None, [])
SHOTS = {"train": SPLIT.train[:1]}


class Call:
    """Calls something when it is unpickled."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def write_pickle(folder, content, name="shot_16-seed_1.pkl", protocol=4):
    path = folder / "split_fewshot" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def test_the_reference_wrote_what_we_draw(tmp_path):
    make_root(tmp_path, "OxfordPets")
    drawn = load("OxfordPets", tmp_path, 16)
    with (GOLDEN / "shot_16-seed_1.pkl").open("rb") as file:
        recorded = DatumUnpickler(file).load()
    for part, ours in (("train", drawn.train_x), ("val", drawn.val)):
        assert [(Path(d._impath).name, d._label, d._classname) for d in recorded[part]] == items(
            ours
        )
        assert {type(datum) for datum in recorded[part]} == {PickledDatum}


@pytest.mark.parametrize("protocol", [4, 5])
def test_a_pickled_cache_wins_over_ours(tmp_path, capsys, protocol):
    folder = make_root(tmp_path, "OxfordPets")
    whole = load("OxfordPets", tmp_path)
    drawn = load("OxfordPets", tmp_path, 16)
    chosen = [datum for label in range(7) for datum in whole.train_x if datum.label == label][::2]
    path = write_pickle(folder, {"train": chosen, "val": whole.val[:20]}, protocol=protocol)
    dataset = load("OxfordPets", tmp_path, 16)
    assert items(dataset.train_x) == items(chosen) != items(drawn.train_x)
    assert items(dataset.val) == items(whole.val[:20])
    assert dataset.train_x[0].impath == chosen[0].impath
    assert f"Few-shot images are read from {path}" in capsys.readouterr().out


def test_a_pickled_cache_without_its_images_is_ignored_with_a_line(tmp_path, capsys):
    folder = make_root(tmp_path, "OxfordPets")
    drawn = load("OxfordPets", tmp_path, 16)
    path = folder / "split_fewshot" / "shot_16-seed_1.pkl"
    path.write_bytes((GOLDEN / "shot_16-seed_1.pkl").read_bytes())
    capsys.readouterr()
    assert items(load("OxfordPets", tmp_path, 16).train_x) == items(drawn.train_x)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"Ignoring {path}: some of its images are missing, such as /")


def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path):
    path = write_pickle(tmp_path, {"train": [Call(Path.touch, tmp_path / "touched")]})
    with pytest.raises(
        ValueError, match=r"shot_16-seed_1.pkl is not a few-shot cache \(it holds .*\); delete it"
    ):
        read_pickle(path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("function", [eval, getattr, print])
def test_builtins_are_refused(tmp_path, function):
    with pytest.raises(ValueError, match=f"it holds builtins.{function.__name__}"):
        read_pickle(write_pickle(tmp_path, Call(function, "1")))


@pytest.mark.parametrize("content", [{"train": [1]}, {"train": 3}, [1], {"train": [["a", 0, "b"]]}])
def test_a_pickle_of_something_else_is_refused(tmp_path, content):
    with pytest.raises(
        ValueError, match="is not a few-shot cache .*; delete it, and shots are drawn again"
    ):
        read_pickle(write_pickle(tmp_path, content))


def test_a_pickle_that_is_cut_off_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").touch()
    path = write_pickle(tmp_path, {"train": [Datum(str(tmp_path / "a.jpg"))]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="is not a few-shot cache"):
        read_pickle(path)


def test_our_cache_round_trip(tmp_path):
    path, digest = tmp_path / "split_fewshot" / "shot_1-seed_1.json", fingerprint(SPLIT)
    assert read_shots(path, digest) is None
    assert store_shots(path, digest, SHOTS) == SHOTS == read_shots(path, digest)


def test_the_first_run_wins(tmp_path):
    digest = fingerprint(SPLIT)
    store_shots(tmp_path / "shots.json", digest, SHOTS)
    assert store_shots(tmp_path / "shots.json", digest, {"train": SPLIT.train[1:]}) == SHOTS


def test_fingerprint_sees_order_labels_and_val():
    reordered = SPLIT._replace(train=SPLIT.train[::-1])
    relabelled = SPLIT._replace(train=[SPLIT.train[0], SPLIT.train[1]._replace(label=2)])
    with_val = SPLIT._replace(val=SPLIT.train)
    assert len({fingerprint(split) for split in (SPLIT, reordered, relabelled, with_val)}) == 4


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"split": "other", "shots": {}}'])
def test_a_cache_of_another_split_is_removed_with_a_line(tmp_path, capsys, content):
    path = tmp_path / "shots.json"
    path.write_text(content)
    assert read_shots(path, fingerprint(SPLIT)) is None
    assert (
        capsys.readouterr().out
        == f"{path} belongs to another split: few-shot images are drawn again\n"
    )
    assert not path.exists()


def test_an_unwritable_folder_costs_a_line_only(tmp_path, capsys):
    (tmp_path / "split_fewshot").touch()
    path = tmp_path / "split_fewshot" / "shot_1-seed_1.json"
    assert store_shots(path, fingerprint(SPLIT), SHOTS) == SHOTS
    assert f"cannot write {path} (" in capsys.readouterr().out


def test_cached_paths_are_relative(tmp_path):
    folder = make_root(tmp_path, "EuroSAT")
    load("EuroSAT", tmp_path, 4)
    content = json.loads((folder / "split_fewshot" / "shot_4-seed_1.json").read_text())
    assert {path.split("/")[0] for rows in content["shots"].values() for path, _, _ in rows} == {
        "2750"
    }
