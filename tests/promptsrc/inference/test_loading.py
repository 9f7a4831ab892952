"""Processes that decode images give the same, in the same order, and survive what is damaged."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from promptsrc.inference import loading, square
from promptsrc.inference.loading import processes_for, squares
from promptsrc.inference.square import read_square
from tests.conftest import ROOT

HOW = (16, "bicubic", "shown")


@pytest.fixture
def photos(tmp_path):
    """Thirty images, of which 3 is damaged, 7 missing and 8 slow."""
    noise = np.random.RandomState(0)
    for number in range(30):
        size = (2000, 3000) if number == 8 else (20 + number, 30)
        pixels = noise.randint(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png", compress_level=1)
    (tmp_path / "3.png").write_bytes(b"no image")
    (tmp_path / "7.png").unlink()
    return [tmp_path / f"{number}.png" for number in range(30)]


def check(found, photos):
    assert [path for path, _ in found] == photos
    for path, pixels in found:
        expected = read_square(path, *HOW)
        assert type(pixels) is type(expected)
        if isinstance(expected, OSError):
            assert str(pixels) == str(expected)
        else:
            assert pixels.shape == (16, 16, 3) and np.array_equal(pixels, expected)


def test_the_same_squares_and_errors_in_the_same_order(photos):
    found = list(squares(photos, 2, *HOW))
    check(found, photos)
    assert [n for n, (_, pixels) in enumerate(found) if isinstance(pixels, OSError)] == [3, 7]


def test_few_squares_wait_to_be_asked_for(photos):
    asked = []

    def paths():
        for path in photos:
            asked.append(path)
            yield path

    found = squares(paths(), 2, *HOW)
    next(found)
    assert len(asked) == 2 * loading.AHEAD
    next(found)
    assert len(asked) == 2 * loading.AHEAD + 1
    found.close()  # ends the processes


def test_a_killed_process_is_no_failure(photos, monkeypatch):
    pools = []

    class Pool(loading.ProcessPoolExecutor):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            pools.append(self)

    monkeypatch.setattr(loading, "ProcessPoolExecutor", Pool)
    found = squares(photos, 2, *HOW)
    first = next(found)
    for process in pools[0]._processes.values():
        process.kill()
    check([first, *found], photos)


def test_an_image_that_takes_too_much_memory_is_one_that_cannot_be_read(photos, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(square, "square", full)
    error = read_square(photos[0], *HOW)
    assert isinstance(error, OSError) and "0.png can't be read (it takes more memory" in str(error)


def test_a_cpu_has_no_cores_to_spare():
    assert processes_for("cpu", 10**6) == 0
    assert processes_for("cuda", loading.WORTH_IT - 1) == 0
    assert 1 <= processes_for("cuda", loading.WORTH_IT) <= loading.MOST


def test_the_processes_import_neither_pytorch_nor_clip():
    code = "import sys, promptsrc.inference.loading\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=os.environ)
