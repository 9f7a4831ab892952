from pathlib import Path

import pytest

from tests.parity import load_cases, replay
from tests.parity.__main__ import main

GOLDENS = Path(__file__).parent / "goldens"
CASES, TOLERANCES = load_cases(GOLDENS)


def test_every_method_of_the_recording_is_replayed():
    trainers = {case["trainer"] for case in CASES.values()}
    assert trainers == {
        "CoOp",
        "CoCoOp",
        "MaPLe",
        "IVLP",
        "PromptSRC",
        "ZeroshotCLIP",
        "ZeroshotCLIP2",
    }
    assert len(CASES) == 18


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_array_of_a_case_is_within_its_tolerance(name):
    case = CASES[name]
    differences = list(replay(GOLDENS, case, TOLERANCES[case["precision"]]))
    assert len(differences) >= 17
    assert [str(difference) for difference in differences if not difference.fits] == []


def test_a_folder_without_cases_gets_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["parity", str(tmp_path)])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert f"{tmp_path} has no cases.json" in capsys.readouterr().err
