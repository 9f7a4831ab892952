"""The benchmark itself on a tiny CLIP: what it counts, prints and stores."""

import json

import pytest
import torch

from benchmarks import step
from benchmarks.floor import plain_flops, step_flops
from benchmarks.measure import in_turn, peak_memory
from benchmarks.workload import SIDES, VIT_B16, Shape, batch, class_names

TINY = Shape(
    embed=64, resolution=32, patch=16, image_width=64, text_width=64, layers=2, vectors=2, depth=2
)


@pytest.mark.slow
def test_a_row_a_count_is_printed_and_stored(tmp_path, capsys, monkeypatch):
    fake = lambda build, side, shape, classes, *_: classes * 2**20  # noqa: E731
    monkeypatch.setattr(step, "peak_memory", fake)
    file = tmp_path / "rows.json"
    words = f"--classes 3 2 7 --device cpu --repeats 1 --textbook-up-to 3 --json {file}"
    assert step.main(words.split(), TINY) == 0
    rows = json.loads(file.read_text())
    assert [row["classes"] for row in rows] == [2, 3, 7]
    assert [row["extrapolated"] for row in rows] == [False, False, True]
    fields = "classes ratio seconds plain_seconds peak_memory plain_peak_memory allowed_ratio"
    assert {" ".join(row) for row in rows} == {f"{fields} share_of_floor extrapolated"}
    for row in rows:
        assert row["ratio"] == pytest.approx(row["plain_seconds"] / row["seconds"])
        lengths = step.text_lengths(class_names(row["classes"]))
        assert row["allowed_ratio"] == plain_flops(TINY, row["classes"], 4) / step_flops(
            TINY, lengths, 4
        )
    slope = rows[1]["plain_seconds"] - rows[0]["plain_seconds"]
    assert rows[2]["plain_seconds"] == pytest.approx(rows[1]["plain_seconds"] + 4 * slope)
    assert [row["plain_peak_memory"] / 2**20 for row in rows] == [2, 3, 7]
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_peak_memory_holds_the_weights_and_the_activations():
    peak = peak_memory(step.one_step, "ours", TINY, 2, torch.device("cpu"), "fp32")
    embedding = 49408 * 64 * 4
    assert embedding < peak < embedding + 400 * 2**20


def test_an_extrapolation_from_too_little_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        step.main(["--classes", "900"], TINY)
    assert stopped.value.code == 2
    assert "--textbook-up-to is 500, so the plain implementation" in capsys.readouterr().err


def test_both_sides_train_the_same_prompts():
    cpu, prompts = torch.device("cpu"), {}
    for name, build in SIDES.items():
        side = build(TINY, class_names(5), cpu)
        for _ in range(2):
            side.step(*batch(TINY, 5, 4, cpu))
        prompts[name] = torch.cat([p.flatten() for p in side.student.prompts.parameters()])
    torch.testing.assert_close(prompts["ours"], prompts["plain"], atol=1e-5, rtol=0)


def test_names_of_a_shorter_list_are_those_of_a_longer_one():
    names = class_names(1000)
    assert class_names(50) == names[:50]
    mean = sum(step.text_lengths(names)) / 1000
    assert mean == pytest.approx(2.94 + 7, abs=0.1)  # SOS, a photo of a, the name, full stop, EOT


@pytest.mark.parametrize(
    "classes, ratio", [(50, 2.4), (100, 3.5), (250, 5.9), (500, 8.5), (1000, 11.1)]
)
def test_the_ratios_that_arithmetic_allows(classes, ratio):
    lengths = step.text_lengths(class_names(classes))
    allowed = plain_flops(VIT_B16, classes, 4) / step_flops(VIT_B16, lengths, 4)
    assert allowed == pytest.approx(ratio, rel=0.05)


def test_sides_take_turns():
    calls = []
    works = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    assert set(in_turn(works, 2, torch.device("cpu"))) == {"a", "b"}
    assert "".join(calls) == "ab" * 3
