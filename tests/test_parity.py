from pathlib import Path

import pytest
from dassl.engine import TRAINER_REGISTRY

from tests.parity import load_cases, replay

GOLDENS = Path(__file__).parent / "goldens"
CASES, TOLERANCES = load_cases(GOLDENS)
HERE = [name for name, case in CASES.items() if case["trainer"] in TRAINER_REGISTRY.registered_names()]


def test_the_trainers_of_the_recording_are_here():
    assert {CASES[name]["trainer"] for name in HERE} >= {"PromptSRC", "IVLP", "ZeroshotCLIP", "ZeroshotCLIP2"}
    assert len(HERE) >= 10


@pytest.mark.parametrize("name", HERE)
def test_every_array_of_a_case_is_within_its_tolerance(name):
    case = CASES[name]
    differences = list(replay(GOLDENS, case, TOLERANCES[case["precision"]]))
    assert len(differences) >= 18
    assert [str(difference) for difference in differences if not difference.fits] == []
