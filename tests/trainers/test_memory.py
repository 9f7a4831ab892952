"""The most memory that a process takes: as a whole, and of one phase."""

import mmap
import sys

import pytest

from trainers import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
MIB = 2**20


def taken(mebibytes):
    """Pages of their own, since PyTorch may get some that earlier tests have given back."""
    held = mmap.mmap(-1, mebibytes * MIB)
    for page in range(0, len(held), mmap.PAGESIZE):
        held[page] = 1
    return held


def test_the_peak_stays_when_memory_is_given_back():
    before = memory.resident("VmRSS")
    held = taken(100)
    assert memory.resident("VmRSS") - before > 90 * MIB
    held.close()
    assert memory.resident("VmRSS") - before < 50 * MIB
    assert memory.peak() - before > 90 * MIB


def test_a_phase_has_a_peak_of_its_own_and_the_process_the_largest():
    taken(300).close()
    before, whole = memory.resident("VmRSS"), memory.peak()
    assert memory.restart()
    taken(100).close()
    assert 90 * MIB < memory.since_restart() - before < 200 * MIB
    assert memory.restart()
    assert memory.since_restart() - before < 50 * MIB
    assert memory.peak() == whole


def test_a_system_that_cannot_restart_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "no" / "such")
    assert not memory.restart()
    monkeypatch.setattr(memory, "STATUS", tmp_path / "no" / "such")
    assert memory.peak() is None
