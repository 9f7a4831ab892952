"""The measurement of self-regulation's effect, with zero-shot CLIP in the place of training."""

import numpy as np
import pytest
from scipy import stats

from promptsrc.clip.frozen import load_clip
from tools.embedded import effect, study
from tools.embedded.evaluate import zero_shot


def test_it_reports_mean_and_spread_of_each_method(in_root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(effect, "METHODS", ("ZeroshotCLIP", "ZeroshotCLIP2"))
    monkeypatch.setattr(effect, "DIFFERENCES", (("ZeroshotCLIP2", "ZeroshotCLIP"),))
    monkeypatch.setattr(study, "DATASETS", ("emoji", "digits"))
    effect.main(f"--seeds 2 --workers 1 --output {tmp_path}".split())
    out = capsys.readouterr().out
    logs = [file.read_text() for file in tmp_path.rglob("log.txt")]
    assert len(logs) == 16 and all("Peak memory of 2 runs: " in log for log in logs)
    val, test = out.split("Validation:\n")[1].split("Test:\n")
    assert "| emoji | ZeroshotCLIP | " in val and " ± " in val  # its images are drawn by seed
    found = zero_shot(load_clip("ViT-T/8-v2"), study.DATA / "digits", "test")
    assert f"| digits | ZeroshotCLIP | {found.base:.1f} | {found.new:.1f} | " in test
    assert (tmp_path / "figure.png").is_file()


def test_differences_are_paired_by_seed():
    rng = np.random.default_rng(3)
    found = {name: rng.uniform(30, 70, (5, 5, 3)) for name in effect.METHODS}
    lines = effect.differences(found).splitlines()[2:]
    assert len(lines) == 5 * 3
    ivlp, ours = found["IVLP"], found["PromptSRC"]
    d = ours[:, 4, 1] - ivlp[:, 4, 1]
    reach = stats.t.ppf(0.975, 4) * d.std(ddof=1) / np.sqrt(5)
    cells = lines[-1].split(" | ")
    assert cells[:2] == ["| average", "PromptSRC - IVLP"]
    numbers = [float(cells[3].split()[0])] + [
        float(x) for x in cells[3].split("[")[1].rstrip("]").split(", ")
    ]
    assert numbers == pytest.approx([d.mean(), d.mean() - reach, d.mean() + reach], abs=0.051)
