"""The measurement of self-regulation's effect, with one method instead of three."""

import re

from tools.embedded import effect


def test_it_reports_mean_and_spread_of_each_method(in_root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(effect, "METHODS", ("ZeroshotCLIP",))
    words = f"--seeds 2 --workers 1 --output {tmp_path} DATASET.NUM_SHOTS 1"
    effect.main(words.split())
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| ZeroshotCLIP"]
    logs = [file.read_text() for file in tmp_path.rglob("log.txt")]
    assert len(logs) == 8 and all("Peak memory of 2 runs: " in log for log in logs)
    numbers = [float(number) for number in re.findall(r"(\d+\.\d) ±", rows[0])]
    assert len(numbers) == 6 and all(100 / 16 < number < 100 for number in numbers)
    assert numbers[3:5] == [51.1, 47.9]  # zero-shot is the same for every seed
    spreads = [float(number) for number in re.findall(r"± (\d+\.\d)", rows[0])]
    assert spreads[3:] == [0, 0, 0]
