from pathlib import Path

import pytest
from dassl.engine import TRAINER_REGISTRY

from tests.parity import load_cases, replay
from tests.parity.cases import trainer_of

GOLDENS = Path(__file__).parent / "goldens_more"
CASES, TOLERANCES = load_cases(GOLDENS)
MISSING = {  # trainers of the recording that are not here yet
    "TCP",
}
REPLAYED = [name for name, case in CASES.items() if case["trainer"] not in MISSING]


def test_every_method_of_the_recording_is_replayed():
    assert len(CASES) == 13
    here = TRAINER_REGISTRY.registered_names()
    missing = {case["trainer"] for case in CASES.values() if trainer_of(case) not in here}
    assert missing == MISSING


@pytest.mark.slow
@pytest.mark.parametrize("name", REPLAYED)
def test_every_array_of_a_case_is_within_its_tolerance(name):
    case = CASES[name]
    differences = list(replay(GOLDENS, case, TOLERANCES[case["precision"]]))
    assert len(differences) >= 17
    assert [str(difference) for difference in differences if not difference.fits] == []
