"""Which datasets of a sweep are in its root is said before anything runs."""

import pytest

from runs.protocols import CONFIGS
from sweep.__main__ import main
from sweep.roots import folder_of


def planned(capsys, root, output, *words):
    code = main([*words, "--root", str(root), "--output", str(output), "--dry-run"])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "count"),
    [(("base2new",), 11), ((), 15), (("domain-generalization",), 5), (("--datasets", "dtd"), 2)],
)
def test_a_root_without_datasets(tmp_path, in_root, capsys, words, count):
    (tmp_path / "data" / "other").mkdir(parents=True)
    code, out, error = planned(capsys, tmp_path / "data", tmp_path, *words)
    assert (code, out) == (2, "") and error.count("\n") == 1
    assert error.startswith(f"error: 0 of {count} datasets are here; {tmp_path}/data has no ")
    assert f"python -m datasets.check {tmp_path}/data" in error


def test_a_root_with_some_of_them(tmp_path, in_root, capsys):
    for name in ("dtd", "eurosat"):
        (tmp_path / "data" / name).mkdir(parents=True)
    words = ("base2new", "--datasets", "dtd", "eurosat", "sun397")
    code, out, error = planned(capsys, tmp_path / "data", tmp_path, *words)
    assert code == 0 and len(out.splitlines()) == 18
    assert error.startswith("2 of 3 datasets are here, dtd/, eurosat/; ") and "no sun397/;" in error
    code, out, error = planned(capsys, tmp_path / "data", tmp_path, *words[:4])
    assert len(out.splitlines()) == 12 and error == ""


def test_files_of_ones_own(tmp_path):
    file = tmp_path / "mine.yaml"
    for text, folder in {
        "DATASET: {NAME: ImageFolder, FOLDER: mine}": "mine",
        "DATASET: {NAME: CSV}": "",
        "DATASET: {NAME: Somebodys}": "",
        "DATASET: [1]": "",
    }.items():
        file.write_text(text)
        assert folder_of(file) == folder
    assert folder_of(CONFIGS / "datasets" / "food101.yaml") == "food-101"
