"""The most memory that a run took, as its log says it."""

from runs import memory


def test_of_several_logs_the_largest_counts(tmp_path):
    assert memory.logged(tmp_path) is None
    (tmp_path / "log.txt").write_text("Elapsed: 0:01:00\nPeak memory: 0.51 GiB\n")
    (tmp_path / "log.txt-2026").write_text("Peak memory: 1.50 GiB\nPeak memory: 0.70 GiB\n")
    (tmp_path / "log.txt-2027").write_text("a name: Peak memory: 9.00 GiB\n")
    assert memory.logged(tmp_path) == 1.5
