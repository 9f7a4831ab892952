"""The command: what it writes, and how it ends."""

import csv
import re
import shutil

import pytest

from report.__main__ import main
from tests.report.made import TINY, Page, base_new, put

FILES = ("report.txt", "report.md", "report.tex", "tables.csv", "runs.csv", "report.html")


def test_every_format_has_the_values(as_published, capsys):
    assert main([str(as_published)]) == 0
    printed = capsys.readouterr().out
    folder = as_published / "report"
    assert printed.endswith(f"\nwritten to {folder}: {', '.join(FILES)}\n")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    for name in set(FILES) - {"runs.csv"}:
        content = (folder / name).read_text()
        assert all(value in content for value in ("75.97", "79.90", "76.10")), name
    assert (folder / "report.txt").read_text() in printed
    table = list(csv.reader((folder / "tables.csv").read_text().splitlines()))
    assert ["Base-to-new, PromptSRC", "Average", "New", "75.97"] in table
    assert len((folder / "runs.csv").read_text().splitlines()) == 1 + 22
    page = Page((folder / "report.html").read_text())
    assert page.tags.count("table") == 2 and "svg" not in page.tags  # of one method
    assert not {"script", "img", "link"} & set(page.tags) and page.references == []


def test_a_page_is_the_same_each_time(as_published):
    base_new(as_published, "dtd", 1, 80.0, 70.0, trainer="CoOp")
    for name in "ab":
        assert main([str(as_published), "--to", str(as_published / name)]) == 0
    pages = [(as_published / name / "report.html").read_bytes() for name in "ab"]
    assert pages[0] == pages[1] and pages[0].count(b"<svg") == 1  # of two methods


def test_runs_without_a_result_are_listed(tmp_path, capsys):
    base_new(tmp_path, "dtd", 1, 80.0, 70.0)
    begun = f"base2new/train_base/sun397/shots_16/PromptSRC/{TINY}/seed1"
    put(tmp_path, begun, 0, "epoch [1/20]")
    assert main([str(tmp_path)]) == 0
    assert f"\nno result: {begun}\n" in capsys.readouterr().out
    assert f"- no result: {begun}" in (tmp_path / "report" / "report.md").read_text()
    assert f"<p>{begun}</p>" in (tmp_path / "report" / "report.html").read_text()


def test_scores_that_cannot_be_read_are_one_line(tmp_path, capsys):
    base_new(tmp_path, "dtd", 1, 80.0, 70.0)
    folder = f"base2new/train_base/dtd/shots_16/PromptSRC/{TINY}/seed1"
    (tmp_path / folder / "results.json").write_text("{")
    assert main([str(tmp_path)]) == 0
    line = f"{folder}/results.json is damaged"
    assert f"\nnot read: {line}\n" in capsys.readouterr().out
    assert f"\n- not read: {line}\n" in (tmp_path / "report" / "report.md").read_text()
    assert f"<p>{line}</p>" in (tmp_path / "report" / "report.html").read_text()


def test_no_results_are_one_line(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path} has no results of finished runs")
    assert error.count("\n") == 1


def test_without_results_a_run_in_the_folder_is_named(tmp_path, capsys):
    put(tmp_path, "photos", 80.0)
    assert main([str(tmp_path)]) == 1
    hint = f"; for the report of a run in it: python -m report {tmp_path / 'photos'}\n"
    assert capsys.readouterr().err.endswith(hint)


def test_a_full_disk_leaves_the_old_files(as_published, capsys):
    """The system's own limit stands for a full disk: report.html is longer, the others are not."""
    resource = pytest.importorskip("resource")
    folder = as_published / "report"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(f"old {name}")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        code = main([str(as_published)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 1
    assert re.fullmatch(r"error: .*: '.*/report/report.html'\n", capsys.readouterr().err)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        name: f"old {name}" for name in FILES
    }


def test_the_report_of_a_run(trained, tmp_path, capsys):
    shutil.copytree(trained, tmp_path / "run")
    before = {path.name for path in (tmp_path / "run").iterdir()}
    assert main([str(tmp_path / "run")]) == 0
    report = tmp_path / "run" / "report.html"
    assert capsys.readouterr().out == f"written to {report}\n"
    assert {path.name for path in (tmp_path / "run").iterdir()} == before | {"report.html"}


def test_without_data_the_report_says_so_and_root_names_them(data, trained, tmp_path, capsys):
    moved = tmp_path / "moved"
    shutil.copytree(trained, moved)
    config = moved / "config.yaml"
    config.write_text(config.read_text().replace(str(data), str(tmp_path / "gone")))
    assert main([str(moved), "--to", str(tmp_path / "to")]) == 0
    assert f"without accuracy by class: {tmp_path / 'gone' / 'mine'}" in capsys.readouterr().out
    content = (tmp_path / "to" / "report.html").read_text()
    Page(content)
    assert "Not available: " in content and "nearest to the learned" in content
    assert content.count("<svg") == 7
    assert main([str(moved), "--root", str(data)]) == 0
    assert "Not available" not in (moved / "report.html").read_text()


@pytest.mark.parametrize(
    "content, message",
    [
        ("[1, 2", "config.yaml is not YAML"),
        ("NO_KEY: 1", "NO_KEY"),
        ("7", "KEY: VALUE"),
    ],
)
def test_a_damaged_configuration_is_one_line(tmp_path, capsys, content, message):
    (tmp_path / "config.yaml").write_text(content)
    assert main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert re.match(f"error: .*{message}", error) and error.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


def test_root_is_for_runs(tmp_path, capsys):
    assert main([str(tmp_path), "--root", "data"]) == 2
    assert "--root is for the report of a run" in capsys.readouterr().err


def test_names_of_folders_do_not_command_terminal_or_pages(tmp_path, capsys):
    """An escape sequence, a line break and a name that is not UTF-8."""
    name = "a\x1b]0;mine\x07\n- <b>|\udcff"
    base_new(tmp_path, name, 1, 80.0, 70.0)
    begun = f"base2new/train_base/{name}/shots_16/PromptSRC/{TINY}/seed2"
    put(tmp_path, begun, 0, "epoch [1/20]")
    assert main([str(tmp_path)]) == 0
    shown = r"a\x1b]0;mine\x07\n- <b>|\udcff"
    out = capsys.readouterr().out
    assert f"\nno result: {begun.replace(name, shown)}\n" in out and f"\n{shown}  " in out
    files = {file: (tmp_path / "report" / file).read_text() for file in FILES}
    line = begun.replace(name, r"a\\x1b\]0;mine\\x07\\n- &lt;b&gt;\|\\udcff")
    assert f"\n- no result: {line}\n" in files["report.md"]
    assert not [file for file in ("report.txt", "report.md", "report.tex") if "\x1b" in files[file]]
    assert "\\udcff" in files["report.html"] and "<b>|" not in files["report.html"]
