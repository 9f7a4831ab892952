from pathlib import Path

import pytest

from runs.settings import trainers
from tests.parity import load_cases, replay
from tests.parity.__main__ import main
from tests.parity.cases import trainer_of

HERE = Path(__file__).parent
RECORDED = {file.parent: load_cases(file.parent) for file in sorted(HERE.glob("*/cases.json"))}
CASES = [(folder.name, name) for folder, (cases, _) in RECORDED.items() for name in cases]
UNRECORDED = {"ExtrasLinearProbeCoCoOp", "TipAdapter", "VPT"}


def test_every_method_is_recorded_or_known_not_to_be():
    assert [len(cases) for cases, _ in RECORDED.values()] == [18, 13, 15]
    recorded = {trainer_of(case) for cases, _ in RECORDED.values() for case in cases.values()}
    assert recorded == {*trainers()} - UNRECORDED


@pytest.mark.slow
@pytest.mark.parametrize("folder, name", CASES)
def test_every_array_of_a_case_is_within_its_tolerance(folder, name):
    cases, tolerances = RECORDED[HERE / folder]
    differences = list(replay(HERE / folder, cases[name], tolerances[cases[name]["precision"]]))
    assert len(differences) >= 10
    assert [str(difference) for difference in differences if not difference.fits] == []


def test_a_folder_without_cases_gets_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["parity", str(tmp_path)])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert f"{tmp_path} has no cases.json" in capsys.readouterr().err
