"""The loop over an epoch: its log, its bar, where it stops and resumes."""

import contextlib
import fcntl
import hashlib
import io
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
from itertools import islice

import pytest
import torch
from dassl.data import build_data_loader
from dassl.data.loader import LoadingProcessKilled
from dassl.data.transforms import build_transform
from dassl.engine import TRAINER_REGISTRY, TrainerXU, build_trainer
from dassl.utils import set_random_seed, setup_logger, unfinished

from tests.conftest import ROOT
from tests.engine import toy

OLD = unfinished.OLD_NAME


def logged(text):
    """A log's lines of batches, without times."""
    return [
        re.sub(r"(time|data) \S+ \(\S+\) |eta .*", "", line)
        for line in text.splitlines()
        if line.startswith("epoch ")
    ]


def test_the_log_has_the_lines_that_parsers_read(root, tmp_path, capsys):
    toy.trained(root, tmp_path / "run")
    out = capsys.readouterr().out
    line = (
        r"epoch \[1/5\] batch \[4/4\] "
        r"time \d+\.\d{3} \(\d+\.\d{3}\) data \d+\.\d{3} \(\d+\.\d{3}\) "
        r"loss \d+\.\d{4} \(\d+\.\d{4}\) lr 1\.0000e-01 eta \d+:\d{2}:\d{2}"
    )
    assert re.search(line, out)
    # an epoch has fewer batches than PRINT_FREQ, so that each is printed
    assert len(re.findall(r"^epoch ", out, re.M)) == 20
    order = [
        "No checkpoint found, train from scratch",
        "Checkpoint saved to",
        "Finish training",
        "Deploy the last-epoch model",
        "Evaluate on the *test* set",
        "=> result",
        "* total: 18",
        "Elapsed: 0:00:0",
    ]
    assert [out.index(text) for text in order] == sorted(out.index(text) for text in order)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("at", [(0, 1), (2, 3)])
def test_killed_within_an_epoch_a_run_resumes_at_that_step_bit_for_bit(
    root, tmp_path, capsys, at, workers
):
    whole = toy.trained(root, tmp_path / "whole", workers)
    expected = logged(capsys.readouterr().out)
    assert toy.ended(root, tmp_path / "killed", at, workers=workers, minutes=1e-9) == -9
    before = logged((tmp_path / "killed" / "log.txt").read_text())
    again = toy.trained(root, tmp_path / "killed", workers)
    out = capsys.readouterr().out
    assert f"Will resume training (epoch = {at[0]}, batch = {at[1]})" in out
    toy.assert_same(whole, again)
    assert before + logged(out) == expected
    assert not list((tmp_path / "killed").glob("unfinished*"))


@pytest.mark.parametrize(
    "number, at, said",
    [
        (signal.SIGTERM, (0, 0), "in epoch 1 after batch 1 of 4"),
        (signal.SIGINT, (2, 3), "after epoch 3"),
        (signal.SIGUSR1, (4, 2), "in epoch 5 after batch 3 of 4"),
    ],
)
def test_a_stop_signal_ends_the_step_and_the_run_resumes_bit_for_bit(
    root, tmp_path, capfd, number, at, said
):
    whole = toy.trained(root, tmp_path / "whole")
    assert toy.ended(root, tmp_path / "run", at, number) == 1
    assert f"{number.name} {said}" in capfd.readouterr().err
    again = toy.trained(root, tmp_path / "run")
    assert (again.start_epoch, again.epoch) == (at[0] + (at[1] == 3), 4)
    toy.assert_same(whole, again)


def as_version_0_1(run):
    """Move the state within an epoch to where version 0.1 wrote it: one file for each model."""
    states, _ = unfinished.read(str(run), ["body", "head"])
    for name, state in states.items():
        file = run / name / unfinished.OLD_NAME
        file.parent.mkdir(exist_ok=True)
        torch.save(state, file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        file.with_name(f"{file.name}.sha256").write_text(f"{digest}  {file.name}\n")
    (run / unfinished.NAME).unlink()


def old_files(run):
    return [file for file in run.rglob("model*") if file.suffix in (".sha256", ".tar")]


@pytest.mark.parametrize("at", [(0, 1), (2, 2)])
def test_a_state_within_an_epoch_of_version_0_1_is_resumed(root, tmp_path, capsys, at):
    whole = toy.trained(root, tmp_path / "whole")
    toy.ended(root, tmp_path / "run", at, signal.SIGTERM)
    as_version_0_1(tmp_path / "run")
    assert len(old_files(tmp_path / "run")) == 4
    again = toy.trained(root, tmp_path / "run")
    assert f"(epoch = {at[0]}, batch = {at[1] + 1})" in capsys.readouterr().out
    assert not old_files(tmp_path / "run")
    toy.assert_same(whole, again)


def test_without_a_readable_unfinished_state_a_run_resumes_at_its_epoch(root, tmp_path, capsys):
    whole = toy.trained(root, tmp_path / "whole")
    for name, spoil in {
        "damaged": lambda run: (run / unfinished.NAME).write_bytes(b"?"),
        "old": lambda run: [as_version_0_1(run), (run / "head" / OLD).write_bytes(b"?")],
        "half": lambda run: [as_version_0_1(run), (run / "head" / OLD).unlink()],
    }.items():
        toy.ended(root, tmp_path / name, (2, 2), signal.SIGTERM)
        spoil(tmp_path / name)
        again = toy.trained(root, tmp_path / name)
        assert again.start_epoch == 2
        toy.assert_same(whole, again)
    out = capsys.readouterr().out
    assert "unfinished.state is damaged" in out and "model-unfinished.pth.tar is damaged" in out


IN_A_TERMINAL = """
import sys
from tests.engine.test_loop import run_with_log
run_with_log(*sys.argv[1:])
"""


def run_with_log(root, output):
    setup_logger(str(output))
    toy.trained(root, output)
    sys.stdout.close()


def without_times(output):
    clock = re.compile(r"(?<=time )\S+ \S+ data \S+ \S+|(?<=eta )\S+|(?<=Elapsed: )\S+")
    return clock.sub("-", (output / "log.txt").read_bytes().decode())


def test_a_terminal_shows_a_bar_and_the_log_stays_the_same(root, tmp_path):
    run_with_log(root, tmp_path / "run")
    without_bar = without_times(tmp_path / "run")
    shutil.move(tmp_path / "run", tmp_path / "without_bar")  # the log names its folder
    ours, theirs = os.openpty()
    screen = struct.pack("4H", 24, 100, 0, 0)  # lines, columns, pixels
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, screen)
    seen = []

    def watch():
        with contextlib.suppress(OSError):  # the run is over
            while text := os.read(ours, 4096):
                seen.append(text)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    command = [sys.executable, "-c", IN_A_TERMINAL, str(root), str(tmp_path / "run")]
    subprocess.run(command, cwd=ROOT, check=True, stdout=theirs, stderr=theirs)
    os.close(theirs)
    watcher.join()
    os.close(ours)
    assert without_times(tmp_path / "run") == without_bar
    assert "\r" not in without_bar and without_bar.count("epoch [") == 20
    screen = b"".join(seen).decode()
    assert "epoch 5/5: " in screen and "4/4" in screen  # the bar
    for line in re.split("[\r\n]+", screen):  # each line of the log stands alone
        if "epoch [" in line:
            assert re.fullmatch(r"epoch \[\d/5\] batch \[\d/4\] .* eta [\d:]+", line), line


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_failure_removes_the_bar(root, tmp_path, monkeypatch):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    monkeypatch.setattr(trainer, "forward_backward", lambda batch: 1 / 0)
    monkeypatch.setattr(sys, "stderr", terminal := _Terminal())
    with pytest.raises(ZeroDivisionError):
        trainer.train()
    assert "epoch 1/5" in terminal.getvalue() and terminal.getvalue().endswith("\r")
    assert terminal.getvalue().split("\r")[-2].strip() == ""  # overwritten by blanks
    trainer.close_writer()


@TRAINER_REGISTRY.register()
class ToyTrainerXU(TrainerXU, toy.ToyTrainer):
    """Also trains on unlabelled batches, fewer than the labelled ones."""

    def build_data_loader(self):
        super().build_data_loader()
        cfg, items = self.cfg, self.dm.dataset.val
        tfm = build_transform(cfg)
        self.train_loader_u = build_data_loader(cfg, "RandomSampler", items, 4, tfm=tfm)

    def forward_backward(self, batch_x, batch_u):
        image, label, unlabelled = self.parse_batch_train(batch_x, batch_u)
        loss = torch.nn.functional.cross_entropy(self.model_inference(image), label)
        loss = loss + self.model_inference(unlabelled).square().mean()
        return self.update(loss)


def trainer_of(name, root, output):
    cfg = toy.config(root, output, MAX_EPOCH=2)
    cfg.TRAINER.NAME = name
    set_random_seed(3)
    return build_trainer(cfg)


@pytest.mark.parametrize(
    "name, done", [*(("ToyTrainer", n) for n in (0, 1, 3)), *(("ToyTrainerXU", n) for n in (0, 2))]
)
def test_an_epoch_resumes_bit_for_bit_after_any_number_of_batches(root, tmp_path, name, done):
    (whole := trainer_of(name, root, tmp_path / "whole")).train()
    killed = trainer_of(name, root, tmp_path / "killed")
    loader = killed.train_loader_x

    class KilledOnce:
        def __len__(self):
            return len(loader)

        def __iter__(self):
            yield from islice(iter(loader), done if killed.epoch else None)
            if killed.epoch:
                raise LoadingProcessKilled("SIGKILL")

    killed.train_loader_x = KilledOnce()
    with pytest.raises(LoadingProcessKilled, match=f"SIGKILL in epoch 2 after batch {done} of 4"):
        killed.train()
    again = trainer_of(name, root, tmp_path / "killed")
    again.train()
    assert again.start_epoch == 1
    toy.assert_same(whole, again)


def test_count_iter_sets_the_number_of_steps(root, tmp_path):
    trainer = trainer_of("ToyTrainerXU", root, tmp_path / "run")
    for choice, batches in {"train_x": 4, "train_u": 2, "smaller_one": 2}.items():
        trainer.cfg.TRAIN.COUNT_ITER = choice
        trainer.run_epoch()
        assert (trainer.num_batches, trainer.batch_idx) == (batches, batches - 1)
    trainer.cfg.TRAIN.COUNT_ITER = "train_y"
    with pytest.raises(ValueError, match="TRAIN.COUNT_ITER is 'train_y'; choose one of train_x, t"):
        trainer.run_epoch()
