"""The tools' folder, and a line for what is not in it."""

import pytest

from promptsrc.command import Parser
from tools.embedded.command import MAKERS, check, work_folder


@pytest.mark.parametrize("name", MAKERS)
def test_a_missing_file_names_the_command_that_writes_it(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["tool", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        work_folder("", name)
    assert end.value.code == 2
    command = f"python -m tools.embedded.{MAKERS[name]} {tmp_path}"
    assert f"error: {tmp_path} has no {name}; {command} writes it" in capsys.readouterr().err
    (tmp_path / name).touch()
    assert work_folder("", name) == tmp_path


def test_a_missing_program_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("shutil.which", lambda name: None if name == "npm" else name)
    check(Parser(), tmp_path, "git")
    with pytest.raises(SystemExit):
        check(Parser(), tmp_path, "git", "npm")
    assert "error: npm is not installed" in capsys.readouterr().err
