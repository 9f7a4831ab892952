"""How many runs a pack may have, from the sizes of a step and the free memory."""

import subprocess

import pytest
import torch

from runs.protocols import Method, base2new, plan
from sweep import cluster, local, memory
from sweep.packs import AUTO
from trainers.memory import GIB

SMALL = {"OMP_NUM_THREADS": "1"}


def jobs(tmp_path, dataset="dtd", *pairs):
    return base2new(Method("PromptSRC", "data", tmp_path, pairs=pairs), dataset, 1)


def free(monkeypatch, gib):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(memory, "available", lambda: int(gib * GIB))


def test_the_model_is_a_little_above_what_was_measured():
    """benchmarks/RESULTS.md: four runs of ViT-B/16 take 2.68 and 2.78 GiB, one 1.29 and 1.33."""
    for classes, together, alone in ((10, 2.68, 1.29), (50, 2.78, 1.33)):
        measured = (together - alone) / 3
        assert 0.8 < memory.TOWERS["ViT-B/16"].stored(4, classes) / GIB / measured < 1.2
    assert memory.TOWERS["ViT-B/16"].weights / 149_620_737 / 4 == pytest.approx(1, abs=0.02)


def test_as_many_runs_as_fit(tmp_path, monkeypatch):
    each = memory.TOWERS["ViT-B/16"].stored(4, 24)
    once = memory.TOWERS["ViT-B/16"].weights + GIB
    for runs in (1, 3, 8, 20):
        free(monkeypatch, (once + (runs + 0.5) * each) / memory.SHARE / GIB)
        found, why = memory.most(jobs(tmp_path), [SMALL])
        assert found == min(runs, memory.MOST)
        assert f"at most {found} runs in a pack: about 0.44 GiB each (ViT-B/16, batch 4, 24" in why
    free(monkeypatch, 0.1)
    assert memory.most(jobs(tmp_path), [SMALL])[0] == 1


def test_the_largest_run_decides_and_workers_share_the_memory(tmp_path, monkeypatch):
    free(monkeypatch, 16)
    both = jobs(tmp_path) + jobs(tmp_path, "imagenet")
    found, why = memory.most(both, [SMALL])
    assert "500 classes" in why and found == 5
    assert memory.most(both, [SMALL] * 4)[0] == 1
    assert "4.0 GiB free" in memory.most(both, [SMALL] * 4)[1]


def test_a_backbone_that_is_not_listed_counts_as_the_largest(tmp_path, monkeypatch):
    free(monkeypatch, 64)
    pairs = "MODEL.BACKBONE.NAME", "ViT-B/8"
    _, why = memory.most(jobs(tmp_path, "dtd", *pairs), [SMALL])
    assert "ViT-B/8, counted as ViT-L/14@336px, batch 4" in why


def test_a_gpu_is_asked_in_a_process_of_its_own(monkeypatch):
    asked = []

    def answer(command, env, text, stderr):
        asked.append(env["CUDA_VISIBLE_DEVICES"])
        return f"{10 * GIB}\n"

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(subprocess, "check_output", answer)
    assert memory.free_memory({"CUDA_VISIBLE_DEVICES": "1"}) == 10 * GIB
    assert asked == ["1"]


def test_a_gpu_that_cannot_be_used_is_one_line(monkeypatch):
    failing = "import sys; print('Traceback\\nRuntimeError: CUDA error: busy', file=sys.stderr)"
    original = subprocess.check_output

    def answer(command, **given):
        return original([*command[:2], f"{failing}; sys.exit(1)"], **given)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(subprocess, "check_output", answer)
    with pytest.raises(OSError, match=r"^GPU 1 can't be used \(RuntimeError: CUDA error: busy\)"):
        memory.free_memory({"CUDA_VISIBLE_DEVICES": "1"})


@pytest.mark.parametrize(
    "limit, free", [("max", 40 * 1024), ("9000", 9000 - 500), ("400", 0), ("90000000", 40 * 1024)]
)
def test_a_container_may_have_less_than_the_machine(limit, free, tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemAvailable:   40 kB\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("500\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.available() == free


def test_the_machine_says_what_is_available(tmp_path, monkeypatch):
    made = tmp_path / "meminfo"
    made.write_text("MemTotal:       100 kB\nMemAvailable:    40 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", made)
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.available() == 40 * 1024
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    assert GIB / 4 < memory.available() < 2**44


def test_an_element_of_a_cluster_decides_for_itself(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(local, "run", lambda *given: asked.append(given[3]) or {})
    free(monkeypatch, 5)
    planned = plan("base2new", Method("PromptSRC", "data", tmp_path), ["dtd"], (1, 2, 3))
    [chain] = cluster.chains(planned, AUTO)
    assert len(chain.jobs) == 6 and chain() == {}
    assert asked == [4] and "at most 4 runs in a pack" in capsys.readouterr().out
