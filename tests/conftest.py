import os
import sys
from pathlib import Path

# One thread in here and in the processes that tests start: models are tiny, and threads that wait for each other on a
# busy machine take many times as long as one alone.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

from promptsrc.clip.frozen import build_clip
from tests import tiny_clip

ROOT = Path(__file__).parents[1]
torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """What runs keep for each other stays away from the user's own."""
    os.environ["CLIP_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    return Path(os.environ["CLIP_CACHE"])


@pytest.fixture
def tiny_state():
    """Weights of a tiny random CLIP (32-pixel images, 4 + 4 blocks, width 128)."""
    return tiny_clip.tiny_clip_state_dict(7)


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
