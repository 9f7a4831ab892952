"""A model's folder holds what Dassl writes and nothing else; damage to a file is noticed."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
import torch
from dassl.utils import load_checkpoint, model_folder, save_checkpoint

from promptsrc.checkpoint import read_checkpoint
from tests.engine import toy


def read_by_plug_ins(folder):
    """The newest epoch, as MMRL, DePT and others find it."""
    return max(int(name.split("-")[-1]) for name in os.listdir(folder) if name != "checkpoint")


def test_plug_ins_can_list_the_folder_while_a_file_is_written(tmp_path, monkeypatch):
    seen = []

    def listed(name, function):
        def call(*args):
            seen.append(sorted(os.listdir(folder)))
            return function(*args)

        monkeypatch.setattr(os, name, call)

    folder = tmp_path / "run" / "model"
    listed("replace", os.replace)
    listed("chmod", os.chmod)
    for epoch in (1, 2, 1):
        save_checkpoint(toy.checkpoint(1.0) | {"epoch": epoch}, str(folder))
    assert read_by_plug_ins(folder) == 2
    allowed = {"checkpoint", "model.pth.tar-1", "model.pth.tar-2"}
    assert len(seen) == 14 and set().union(*seen) <= allowed
    assert os.listdir(tmp_path / "run") == ["model"]


def test_parts_lie_in_the_folder_itself_where_the_one_around_may_not_be_written_to(tmp_path):
    assert model_folder.parts_of(str(tmp_path / "..")) != str(tmp_path)
    assert model_folder.parts_of("/proc") == "/proc"  # another file system


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damage_after_writing_is_noticed(tmp_path, damage):
    save_checkpoint(toy.checkpoint(1.0), str(tmp_path))
    file = tmp_path / "model.pth.tar-1"
    content = bytearray(file.read_bytes())
    weight = content.index(torch.ones(2).numpy().tobytes())
    content[weight] ^= 1  # PyTorch would read it all the same
    file.write_bytes(content if damage == "flip" else content[:-1])
    says = "model.pth.tar-1 is damaged: its SHA-256 is not the one that was saved in checkpoint"
    for read in (load_checkpoint, read_checkpoint):
        with pytest.raises(ValueError, match=says):
            read(str(file))


def test_sha256sum_reads_the_sums(tmp_path):
    save_checkpoint(toy.checkpoint(1.0), str(tmp_path), is_best=True)
    save_checkpoint(toy.checkpoint(2.0) | {"epoch": 2}, str(tmp_path))
    command = ["sha256sum", "--check", "--quiet", "checkpoint"]
    assert subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE).returncode == 0
    assert list(model_folder.sums(str(tmp_path))) == [
        "model-best.pth.tar",
        "model.pth.tar-1",
        "model.pth.tar-2",
    ]
    (tmp_path / "model.pth.tar-1").unlink()
    save_checkpoint(toy.checkpoint(2.0) | {"epoch": 2}, str(tmp_path))
    assert list(model_folder.sums(str(tmp_path))) == ["model-best.pth.tar", "model.pth.tar-2"]


def as_version_0_1(folder):
    """Move the sums from `checkpoint` to the files that version 0.1 wrote."""
    for name, [digest] in model_folder.sums(str(folder)).items():
        (folder / f"{name}.sha256").write_text(f"{digest}  {name}\n")
    (folder / "checkpoint").write_text(f"{model_folder.newest_of(str(folder))}\n")


def test_sums_of_version_0_1_are_compared_and_move_with_the_next_save(tmp_path):
    for epoch in (1, 2):
        save_checkpoint(toy.checkpoint(1.0) | {"epoch": epoch}, str(tmp_path))
    as_version_0_1(tmp_path)
    before = model_folder.sums(str(tmp_path))
    first, second = tmp_path / "model.pth.tar-1", tmp_path / "model.pth.tar-2"
    content = first.read_bytes()
    first.write_bytes(content[:-1])
    for read in (load_checkpoint, read_checkpoint):
        assert read(str(second))["epoch"] == 2
        with pytest.raises(ValueError, match="model.pth.tar-1 is damaged"):
            read(str(first))
    save_checkpoint(toy.checkpoint(3.0) | {"epoch": 2}, str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "model.pth.tar-1", "model.pth.tar-2"]
    after = model_folder.sums(str(tmp_path))
    assert after["model.pth.tar-1"] == before["model.pth.tar-1"]
    assert after["model.pth.tar-2"] == {hashlib.sha256(second.read_bytes()).hexdigest()}
    with pytest.raises(ValueError, match="model.pth.tar-1 is damaged"):
        load_checkpoint(str(first))


@pytest.mark.parametrize("read", [load_checkpoint, read_checkpoint])
def test_a_file_that_is_replaced_while_it_is_read_is_not_damaged(tmp_path, monkeypatch, read):
    save_checkpoint(toy.checkpoint(1.0), str(tmp_path))
    read_bytes, written = Path.read_bytes, []

    def then_written(path):
        content = read_bytes(path)
        if not written:
            written.append(path)
            save_checkpoint(toy.checkpoint(2.0), str(tmp_path))
        return content

    monkeypatch.setattr(Path, "read_bytes", then_written)
    checkpoint = read(tmp_path / "model.pth.tar-1")
    assert written and checkpoint["state_dict"]["w"].tolist() == [2, 2]
