"""The data sets' templates of each method, against those of its recording."""

import json

import pytest

from promptsrc import templates
from tests.conftest import ROOT

RECORDED = json.loads((ROOT / "tests" / "goldens_more" / "templates.json").read_text())


@pytest.mark.parametrize("method", RECORDED)
def test_they_are_those_of_the_method(method):
    assert vars(templates)[method.upper()] == RECORDED[method]
