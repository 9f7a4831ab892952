"""Runs that start together with one data root and one cache folder, and killed runs.

tests/datasets/test_base.py has the same for split files and shots alone.
"""

import hashlib
import io
import json
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from promptsrc.checkpoint import read_checkpoint
from promptsrc.run_folder import find
from promptsrc.weights.download import fetched
from tests import tiny_clip
from tests.conftest import ROOT
from tests.datasets.roots import items, load, make_root
from tests.promptsrc.weights.test_download import CONTENT, SHA256, Handler, server  # noqa: F401 - a fixture

ROUNDS = 2
TRAINING = """
import sys, time
from pathlib import Path
import train
from promptsrc.weights import names

folder, number, url, rounds = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
names.MODEL_URLS["ViT-B/32"] = url
words = ["--dataset-config-file", "configs/datasets/oxford_pets.yaml", "--trainer", "IVLP"]
words += ["--seed", "1", "--backbone", "ViT-B/32"]
pairs = ["INPUT.SIZE", "(32, 32)", "DATASET.NUM_SHOTS", "1", "OPTIM.MAX_EPOCH", "1"]
pairs += ["DATALOADER.NUM_WORKERS", "0", "MODEL.BACKBONE.CACHE"]
for turn in range(rounds):
    (folder / f"up{turn}-{number}").touch()
    while not (folder / f"go{turn}").exists():
        time.sleep(0.001)
    places = ["--root", folder / f"data{turn}", "--output-dir", folder / f"out{turn}-{number}"]
    if train.main([*map(str, places), *words, *pairs, str(folder / f"cache{turn}")]):
        sys.exit(1)
"""


def start(script, *arguments):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def wait_for(what, *processes, seconds=120):
    """Until `what()` is true, with all processes alive."""
    deadline = time.monotonic() + seconds
    while not what():
        for process in processes:
            assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def weights(server):  # noqa: F811
    """The address of a small CLIP on the server, with its checksum as in OpenAI's addresses."""
    widths = {"text_width": 64, "vision_width": 64, "embed_dim": 16}
    state = tiny_clip.tiny_clip_state_dict(0, text_layers=1, vision_layers=1, **widths)
    torch.save(state, buffer := io.BytesIO())
    server.content = buffer.getvalue()
    checksum = hashlib.sha256(server.content).hexdigest()
    return server.url.replace("weights.pt", f"{checksum}/ViT-B-32.pt")


def test_trainings_that_start_at_once_share_data_and_weights(tmp_path, server, weights):  # noqa: F811
    """The first run makes split, shots and weights, once; all runs get the same prompts."""
    for turn in range(ROUNDS):
        make_root(tmp_path / f"data{turn}", "OxfordPets", split_file=False)
    runs = [start(TRAINING, tmp_path, number, weights, ROUNDS) for number in range(3)]
    for turn in range(ROUNDS):
        wait_for(lambda turn=turn: len(list(tmp_path.glob(f"up{turn}-*"))) == len(runs), *runs)
        (tmp_path / f"go{turn}").touch()
    errors = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * len(runs), errors
    assert server.asked == [None] * ROUNDS
    for turn in range(ROUNDS):
        assert {file.name for file in (tmp_path / f"cache{turn}").iterdir()} == {
            "ViT-B-32.pt",
            ".ViT-B-32.pt.lock",
        }
        folder = tmp_path / f"data{turn}" / "oxford_pets"
        assert {file.name for file in folder.iterdir()} == {
            "images",
            "annotations",
            "split_zhou_OxfordPets.json",
            "split_fewshot",
        }
        (shots,) = (folder / "split_fewshot").iterdir()
        assert shots.name == "shot_1-seed_1.json"
        folders = [tmp_path / f"out{turn}-{number}" for number in range(len(runs))]
        first, *others = [read_checkpoint(find(folder))["state_dict"] for folder in folders]
        assert all(torch.equal(first[name], other[name]) for other in others for name in first)


FETCH = """
import sys
from pathlib import Path
from promptsrc.weights.download import fetched

fetched(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
"""


class Stalling(Handler):
    """The first answer stops halfway and stays open."""

    def do_GET(self):
        if not self.server.asked:
            self.server.asked.append(None)
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[: len(CONTENT) // 2])
            self.wfile.flush()
            self.server.go_on.wait(60)
        else:
            super().do_GET()


def test_waiting_processes_finish_a_killed_download(tmp_path, server):  # noqa: F811
    server.RequestHandlerClass, server.go_on = Stalling, threading.Event()
    path, part = tmp_path / "weights.pt", tmp_path / ".weights.pt.part"
    killed = start(FETCH, server.url, SHA256, path)
    wait_for(lambda: server.asked and part.exists(), killed)
    waiting = [start(FETCH, server.url, SHA256, path) for _ in range(3)]
    time.sleep(0.5)
    assert all(run.poll() is None for run in waiting)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    errors = [run.communicate(timeout=60)[1] for run in waiting]
    server.go_on.set()
    assert [run.returncode for run in waiting] == [0, 0, 0], errors
    assert path.read_bytes() == CONTENT and not part.exists()
    assert len(server.asked) == 2
    assert fetched(server.url, SHA256, path) == path and len(server.asked) == 2


KILLED = """
import os, signal, sys
from datasets import files
from tests.datasets.roots import load

published, left = files.publish, int(sys.argv[2])
def publish(*paths):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    published(*paths)
files.publish = publish
load("OxfordPets", sys.argv[1], 4)
"""


@pytest.mark.parametrize("written", [0, 1])  # killed before the split file, or before the shots
def test_a_run_that_is_killed_while_writing_does_not_affect_the_next(tmp_path, written):
    make_root(tmp_path / "killed", "OxfordPets", split_file=False)
    make_root(tmp_path / "other", "OxfordPets", split_file=False)
    run = start(KILLED, tmp_path / "killed", written)
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL
    names = [file.name for file in (tmp_path / "killed").rglob("*.json")]
    assert names == ["split_zhou_OxfordPets.json"][:written]
    if written:  # a run that draws the split draws its shots with the random state after that
        load("OxfordPets", tmp_path / "other")
    ours, theirs = (load("OxfordPets", tmp_path / name, 4) for name in ("killed", "other"))
    assert items(ours.train_x) == items(theirs.train_x) and items(ours.val) == items(theirs.val)
    for file in (tmp_path / "killed").rglob("*.json"):
        json.loads(file.read_text())
