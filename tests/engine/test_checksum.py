"""Damage to a file is noticed."""

import pytest
import torch
from dassl.utils import load_checkpoint, save_checkpoint

from tests.engine import toy


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damage_after_writing_is_noticed(tmp_path, damage):
    save_checkpoint(toy.checkpoint(1.0), str(tmp_path))
    file = tmp_path / "model.pth.tar-1"
    content = bytearray(file.read_bytes())
    weight = content.index(torch.ones(2).numpy().tobytes())
    content[weight] ^= 1  # PyTorch would read it all the same
    file.write_bytes(content if damage == "flip" else content[:-1])
    says = "model.pth.tar-1 is damaged: its SHA-256 is not the one in model.pth.tar-1.sha256"
    with pytest.raises(ValueError, match=says):
        load_checkpoint(str(file))
