"""Toy data and a toy configuration."""

import pytest

from tests.engine import toy


@pytest.fixture
def root(tmp_path):
    """A folder of small images in three colours."""
    (tmp_path / "data").mkdir()
    toy.write_images(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def cfg(root, tmp_path):
    return toy.config(root, tmp_path / "out")


@pytest.fixture
def items(cfg):
    return toy.Toy(cfg).train_x
