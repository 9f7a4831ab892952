"""Phrases that stop a native reader stay out of code and pages."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

TICS = {
    r"\bbehind\b": "after, following",
    r"(?<!there )\bis no\b": "is not a",
    r"\bgoes on\b": "resumes, continues",
    r"\bto the bit\b": "bit for bit",
    r"\bcannot be meant\b": "an invalid command line",
    r"\bnumbers any ?more\b": "contains NaN or Inf",
}
# names of emoji; an idiom
FINE = re.compile(r"(sun )?behind (small |large |rain )?cloud|leave behind|left behind", re.I)


def lines():
    """(place, line) of every tracked page and Python file, recordings and this file aside."""
    names = subprocess.check_output(["git", "ls-files", "*.py", "*.md"], cwd=ROOT, text=True)
    for name in names.splitlines():
        path = ROOT / name
        if path.name != Path(__file__).name and not name.startswith("tests/goldens"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{name}:{number}", FINE.sub("", line)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_no_tics():
    found = [
        f"{place}: {line.strip()} ({better})"
        for place, line in lines()
        for tic, better in TICS.items()
        if re.search(tic, line, re.I)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    ["the word behind SOS", "X is no Y", "it goes on", "equal to the bit", "no numbers any more"],
)
def test_a_tic_is_found(line):
    assert any(re.search(tic, line) for tic in TICS)


@pytest.mark.parametrize("line", ["there is no such file", "a file left behind by a kill"])
def test_plain_english_is_not(line):
    assert not any(re.search(tic, FINE.sub("", line)) for tic in TICS)
