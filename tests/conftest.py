import os
import signal
import subprocess
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

# One thread, here and in the processes that tests start: the models are tiny, and on a busy machine
# threads that wait for each other are many times slower than one alone.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

import runs.register  # noqa: F401 (makes names known)
from promptsrc.clip.frozen import build_clip
from tests import tiny_clip

ROOT = Path(__file__).parents[1]
torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it


def pytest_addoption(parser):
    parser.addoption("--in-process", action="store_true", help="skip tests that start a process")


def pytest_configure(config):
    if config.getoption("--in-process"):
        subprocess.Popen.__init__ = BaseProcess.start = skip_the_test


def skip_the_test(*_, **__):
    pytest.skip("starts a process")


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """A cache of its own, not the user's."""
    os.environ["CLIP_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    return Path(os.environ["CLIP_CACHE"])


@pytest.fixture(scope="session")
def drawn_state():
    return tiny_clip.tiny_clip_state_dict(7)


@pytest.fixture
def tiny_state(drawn_state):
    """Weights of a tiny random CLIP (32-pixel images, 4 + 4 blocks, width 128)."""
    return {name: value.clone() for name, value in drawn_state.items()}


@pytest.fixture
def tiny(tiny_state):
    return build_clip(tiny_state)


@pytest.fixture
def in_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    return ROOT


@pytest.fixture(autouse=True)
def keep_stdout():
    """setup_logger replaces sys.stdout; put it back, and close the log."""
    before = sys.stdout
    yield
    if sys.stdout is not before and hasattr(sys.stdout, "close"):
        sys.stdout.close()
    sys.stdout = before
