"""The measurement of self-regulation's effect, with one method in the place of three."""

import re

from tools.embedded import effect


def test_it_reports_mean_and_spread_of_each_method(in_root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(effect, "METHODS", ("ZeroshotCLIP",))
    effect.main(
        ["--seeds", "2", "--workers", "1", "--output", str(tmp_path), "DATASET.NUM_SHOTS", "1"]
    )
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| ZeroshotCLIP"]
    numbers = [float(number) for number in re.findall(r"(\d+\.\d) ±", rows[0])]
    assert len(numbers) == 6 and all(100 / 16 < number < 100 for number in numbers)
    assert numbers[3:5] == [51.1, 47.9]  # zero-shot on test is the same whatever the seed
    spreads = [float(number) for number in re.findall(r"± (\d+\.\d)", rows[0])]
    assert spreads[3:] == [0, 0, 0]
