from pathlib import Path

import pytest
from dassl.engine import TRAINER_REGISTRY

from tests.parity import load_cases, replay
from tests.parity.cases import trainer_of

GOLDENS = Path(__file__).parent / "goldens_more2"
CASES, TOLERANCES = load_cases(GOLDENS)


def test_every_method_of_the_recording_is_replayed():
    registered = TRAINER_REGISTRY.registered_names()
    missing = {t for c in CASES.values() if (t := trainer_of(c)) not in registered}
    assert missing == set()
    assert len(CASES) == 15


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_array_of_a_case_is_within_its_tolerance(name):
    case = CASES[name]
    differences = list(replay(GOLDENS, case, TOLERANCES[case["precision"]]))
    assert len(differences) >= 10
    assert [str(difference) for difference in differences if not difference.fits] == []
