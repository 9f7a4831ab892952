from pathlib import Path

import pytest
from dassl.engine import TRAINER_REGISTRY

from tests.parity import load_cases, replay
from tests.parity.cases import trainer_of

GOLDENS = Path(__file__).parent / "goldens_more"
CASES, TOLERANCES = load_cases(GOLDENS)


def test_every_method_of_the_recording_is_replayed():
    assert len(CASES) == 13
    here = TRAINER_REGISTRY.registered_names()
    assert {trainer_of(case) for case in CASES.values()} <= {*here}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_array_of_a_case_is_within_its_tolerance(name):
    case = CASES[name]
    differences = list(replay(GOLDENS, case, TOLERANCES[case["precision"]]))
    assert len(differences) >= 17
    assert [str(difference) for difference in differences if not difference.fits] == []
