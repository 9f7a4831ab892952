"""The most memory that a run took, as its log says it."""

import sys

import pytest
import torch

from runs import memory


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_peak_stays_when_memory_is_given_back():
    before = memory.resident("VmRSS")
    held = torch.ones(100 * 2**20, dtype=torch.uint8)
    assert memory.resident("VmRSS") - before > 90 * 2**20
    del held
    assert memory.resident("VmRSS") - before < 50 * 2**20
    assert memory.peak() - before > 90 * 2**20


def test_of_several_logs_the_largest_counts(tmp_path):
    assert memory.logged(tmp_path) is None
    (tmp_path / "log.txt").write_text("Elapsed: 0:01:00\nPeak memory: 0.51 GiB\n")
    (tmp_path / "log.txt-2026").write_text("Peak memory: 1.50 GiB\nPeak memory: 0.70 GiB\n")
    (tmp_path / "log.txt-2027").write_text("a name: Peak memory: 9.00 GiB\n")
    assert memory.logged(tmp_path) == 1.5
