"""Checkpoint files: written whole, read safely; pretrained weights."""

import errno
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from dassl.utils import load_checkpoint, load_pretrained_weights, save_checkpoint

from tests.engine import toy


def test_a_failed_write_leaves_the_old_checkpoint_whole(tmp_path, monkeypatch):
    save_checkpoint(toy.checkpoint(1.0), str(tmp_path))
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(full))
    says = "model.pth.tar-1 can't be written .No space left on device.*free some space"
    with pytest.raises(OSError, match=says):
        save_checkpoint(toy.checkpoint(2.0), str(tmp_path))
    assert load_checkpoint(str(tmp_path / "model.pth.tar-1"))["state_dict"]["w"].tolist() == [1, 1]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint", "model.pth.tar-1"]
    monkeypatch.undo()
    save_checkpoint(toy.checkpoint(2.0), str(tmp_path))
    digest = hashlib.sha256((tmp_path / "model.pth.tar-1").read_bytes()).hexdigest()
    pointer = (tmp_path / "checkpoint").read_text()
    assert pointer == f"model.pth.tar-1\n{digest}  model.pth.tar-1\n"


def test_a_file_that_may_not_grow_is_one_line_and_unchanged(tmp_path):
    """A limit of the system stands in for a full disk."""
    code = f"""
import resource, sys, torch
from dassl.utils import save_checkpoint
from dassl.utils.logger import Logger
state = dict(state_dict=dict(w=torch.zeros(8)), epoch=1)
save_checkpoint(state, {str(tmp_path)!r})
log = Logger({str(tmp_path / "log.txt")!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
more = state | dict(more=torch.zeros(500))
for write, *content in (save_checkpoint, more, {str(tmp_path)!r}), (log.write, "x" * 600 + "\\n"):
    try:
        write(*content)
    except OSError as error:
        print(error, file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    checkpoint, log = run.stderr.splitlines()
    says = "can't be written (File too large)"
    assert checkpoint.startswith(f"{tmp_path}/model.pth.tar-1 {says} and is unchanged; free")
    assert log == f"log {tmp_path}/log.txt {says}; free some space, then start again"
    assert "more" not in load_checkpoint(str(tmp_path / "model.pth.tar-1"))
    assert not list(tmp_path.glob(".*"))


GOLDENS = sorted(Path(__file__).parents[1].glob("goldens/checkpoints/*/*/model.pth.tar-*"))


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


def test_a_checkpoint_runs_no_code_and_damage_is_named(tmp_path, capsys):
    torch.save({"epoch": Evil()}, tmp_path / "evil.pth")
    torch.save({"w": torch.zeros(2000)}, tmp_path / "whole.pth")
    # of 9 kB; PyTorch looks for the end of the first, and seeks before the start of the second
    for size in (300, 5000):
        (tmp_path / f"cut{size}.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:size])
    for start in "abehknstu1.(":  # opcodes of pickle, each of which fails in its own way
        (tmp_path / f"text{start}.pth").write_text(f"{start}ello\n1\n2\n")
    (tmp_path / "whole.pth").unlink()
    for path in tmp_path.iterdir():
        says = rf"{re.escape(path.name)} can't be read \(.*\); restore or delete it$"
        with pytest.raises(ValueError, match=says):
            load_checkpoint(str(path))
    torch.save([1], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="list.pth is not a checkpoint: it holds a list, not a"):
        load_checkpoint(str(tmp_path / "list.pth"))
    assert "unpickled" not in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*none.pth"):
        load_checkpoint(str(tmp_path / "none.pth"))


@pytest.mark.parametrize("file", GOLDENS, ids=lambda file: file.parts[-3])
def test_files_that_dassl_pytorch_wrote_are_read(file):
    checkpoint = load_checkpoint(str(file))
    assert f"model.pth.tar-{checkpoint['epoch']}" == file.name
    assert type(checkpoint["scheduler"]["successor"]).__name__ == "CosineAnnealingLR"


def test_pretrained_weights_may_be_a_bare_state_dict(tmp_path):
    torch.save({"weight": torch.ones(1, 2)}, tmp_path / "w.pth")
    model = torch.nn.Linear(2, 1)
    load_pretrained_weights(model, str(tmp_path / "w.pth"))
    assert model.weight.tolist() == [[1, 1]]


def test_pretrained_weights_that_match_are_copied(tmp_path, capsys):
    weights = {"module.weight": torch.ones(1, 2), "bias": torch.ones(5)}
    torch.save({"state_dict": weights}, tmp_path / "w.pth")
    model = torch.nn.Linear(2, 1)
    load_pretrained_weights(model, str(tmp_path / "w.pth"))
    assert model.weight.tolist() == [[1, 1]] and model.bias.shape == (1,)
    assert "do not match: bias" in capsys.readouterr().out
