"""The most memory that a process takes: as a whole, and of one phase."""

import mmap
import os
import platform
import subprocess
import sys

import pytest

from trainers import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
MIB = 2**20
AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "131072"}


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


FAULTS = """
import resource
from trainers import memory
{first}
def faults_of_a_step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [bytes([1]) * 2**20 for _ in range(50)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print([faults_of_a_step() for _ in range(3)][-1])
"""


def faults(first):
    """Of a step that takes 50 MiB in parts, and frees them; glibc gives each back at once."""
    command, environ = [sys.executable, "-c", FAULTS.format(first=first)], {**os.environ, **AT_ONCE}
    return int(subprocess.run(command, env=environ, capture_output=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_used_again():
    assert faults("") > 5000 and faults("memory.keep_freed()") < 100  # of 12,800 pages
