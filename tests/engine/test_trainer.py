"""Training, its log, checkpoints and resume."""

import contextlib
import fcntl
import io
import multiprocessing
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading

import pytest
import torch
from dassl.engine import TrainerX, build_trainer
from dassl.engine.trainer import SimpleNet
from dassl.utils import Logger, load_checkpoint, set_random_seed, setup_logger
from dassl.utils.signals import Stopped, StopSignals

from tests.conftest import ROOT
from tests.engine import toy


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data").mkdir()
    toy.write_images(tmp_path / "data")
    return tmp_path / "data"


def trained(root, output, workers=0, minutes=10.0, **optim):
    cfg = toy.config(root, output, **optim)
    cfg.DATALOADER.NUM_WORKERS, cfg.TRAIN.CHECKPOINT_MINUTES = workers, minutes
    set_random_seed(3)
    trainer = build_trainer(cfg)
    trainer.train()
    return trainer


def _ended_run(root, output, at, number, workers, minutes):
    toy.ToyTrainer.ends_at, toy.ToyTrainer.ends_by = at, number
    sys.stdout = Logger(str(output / "log.txt"))
    try:
        trained(root, output, workers, minutes)
    except Stopped as stopped:
        sys.exit(str(stopped))


def ended(root, output, at, number=signal.SIGKILL, workers=0, minutes=10.0):
    """A run that a signal ends at (epoch, batch); its exit code."""
    output.mkdir()
    args = (root, output, at, number, workers, minutes)
    process = multiprocessing.get_context("spawn").Process(target=_ended_run, args=args)
    process.start()
    process.join()
    return process.exitcode


def state(trainer):
    return [*trainer.body.parameters(), *trainer.head.parameters(), trainer.extra]


def assert_same(whole, again):
    assert all(torch.equal(a, b) for a, b in zip(state(whole), state(again), strict=True))


@pytest.mark.parametrize("at", [(1, 0), (2, 3), (4, 1)])
def test_killed_and_started_again_it_ends_bitwise_where_an_uninterrupted_run_does(
    root, tmp_path, at
):
    whole = trained(root, tmp_path / "whole")
    assert ended(root, tmp_path / "killed", at) == -9
    again = trained(root, tmp_path / "killed")
    assert again.start_epoch == at[0]
    assert_same(whole, again)


def logged(text):
    """A log's lines of batches, without times."""
    return [
        re.sub(r"(time|data) \S+ \(\S+\) |eta .*", "", line)
        for line in text.splitlines()
        if line.startswith("epoch ")
    ]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("at", [(0, 1), (2, 3)])
def test_killed_within_an_epoch_it_goes_on_at_the_step_and_logs_the_same(
    root, tmp_path, capsys, at, workers
):
    whole = trained(root, tmp_path / "whole", workers)
    expected = logged(capsys.readouterr().out)
    assert ended(root, tmp_path / "killed", at, workers=workers, minutes=1e-9) == -9
    before = logged((tmp_path / "killed" / "log.txt").read_text())
    again = trained(root, tmp_path / "killed", workers)
    out = capsys.readouterr().out
    assert f"Will resume training (epoch = {at[0]}, batch = {at[1]})" in out
    assert_same(whole, again)
    assert before + logged(out) == expected
    assert not list((tmp_path / "killed").glob("*/model-unfinished*"))


@pytest.mark.parametrize(
    "number, at, said",
    [
        (signal.SIGTERM, (0, 0), "in epoch 1 after batch 1 of 4"),
        (signal.SIGINT, (2, 3), "after epoch 3"),
        (signal.SIGUSR1, (4, 2), "in epoch 5 after batch 3 of 4"),
    ],
)
def test_asked_to_stop_it_finishes_the_step_and_goes_on_from_there(
    root, tmp_path, capfd, number, at, said
):
    whole = trained(root, tmp_path / "whole")
    assert ended(root, tmp_path / "run", at, number) == 1
    assert f"{number.name} {said}" in capfd.readouterr().err
    again = trained(root, tmp_path / "run")
    assert (again.start_epoch, again.epoch) == (at[0] + (at[1] == 3), 4)
    assert_same(whole, again)


def test_a_second_signal_stops_at_once(root, tmp_path):
    signals = StopSignals()
    with signals.awaited():
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.asked == "SIGTERM"
        with pytest.raises(KeyboardInterrupt, match="SIGTERM and SIGINT"):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_the_parent_has_blocked_is_heard(root, tmp_path):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        signals = StopSignals()
        with signals.awaited():
            os.kill(os.getpid(), signal.SIGUSR1)
        assert signals.asked == "SIGUSR1"
        assert signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-7],
        lambda content: b"",
        lambda content: content[:99] + b"?" * 9 + content[108:],
    ],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(root, tmp_path, capsys, damage):
    whole = trained(root, tmp_path / "run")
    file = tmp_path / "run" / "head" / "model.pth.tar-5"
    file.write_bytes(damage(file.read_bytes()))
    again = trained(root, tmp_path / "run")
    out = capsys.readouterr().out
    assert (
        f"Warning: {file} is damaged: its SHA-256 is not the one in model.pth.tar-5.sha256" in out
    )
    assert again.start_epoch == 4
    assert_same(whole, again)


def test_a_lost_pointer_costs_nothing(root, tmp_path):
    whole = trained(root, tmp_path / "run")
    (tmp_path / "run" / "head" / "checkpoint").unlink()
    again = trained(root, tmp_path / "run")
    assert again.start_epoch == 5
    assert_same(whole, again)


def test_when_all_are_damaged_nothing_starts_from_scratch(root, tmp_path):
    trained(root, tmp_path / "run")
    for file in (tmp_path / "run" / "head").glob("model*-?"):
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="model.pth.tar-1 is damaged"):
        trained(root, tmp_path / "run")


def test_a_damaged_or_half_written_unfinished_state_costs_its_steps_only(root, tmp_path, capsys):
    whole = trained(root, tmp_path / "whole")
    for name, spoil in {
        "damaged": lambda file: file.write_bytes(b"?"),
        "half": lambda file: file.unlink(),
    }.items():
        ended(root, tmp_path / name, (2, 2), signal.SIGTERM)
        spoil(tmp_path / name / "head" / "model-unfinished.pth.tar")
        again = trained(root, tmp_path / name)
        assert again.start_epoch == 2
        assert_same(whole, again)
    assert "model-unfinished.pth.tar is damaged" in capsys.readouterr().out


def test_models_one_epoch_apart_resume_at_the_epoch_both_have(root, tmp_path):
    trained(root, tmp_path / "run")
    (tmp_path / "run" / "head" / "checkpoint").write_text("model.pth.tar-3\n")
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    assert trainer.resume_model_if_exist(str(tmp_path / "run")) == 3
    expected = load_checkpoint(str(tmp_path / "run" / "body" / "model.pth.tar-3"))["state_dict"]
    assert torch.equal(trainer.body.weight, expected["weight"])


def test_a_run_that_kept_only_its_best_epoch_resumes_there(root, tmp_path):
    cfg = toy.config(root, tmp_path / "run")
    cfg.TEST.FINAL_MODEL, cfg.TRAIN.CHECKPOINT_FREQ = "best_val", 0
    trainer = build_trainer(cfg)
    trainer.epoch = 1
    trainer._save_if_best(50.0)
    assert (tmp_path / "run" / "head" / "checkpoint").read_text() == "model-best.pth.tar\n"
    again = build_trainer(cfg)
    torch.nn.init.zeros_(again.head.weight)
    assert again.resume_model_if_exist(str(tmp_path / "run")) == 2
    assert torch.equal(again.head.weight, trainer.head.weight)
    assert again.best_result == 50.0


def test_a_kill_behind_the_best_epochs_file_does_not_cost_the_epochs_own(root, tmp_path):
    """Which a test of the last epoch asks for."""
    cfg = toy.config(root, tmp_path / "run", MAX_EPOCH=2)
    cfg.TEST.FINAL_MODEL = "best_val"
    trainer = build_trainer(cfg)
    trainer.epoch = 1
    trainer._save_if_best(50.0)
    file = tmp_path / "run" / "head" / "model.pth.tar-2"
    assert not file.exists()
    build_trainer(cfg).train()
    assert load_checkpoint(str(file))["epoch"] == 2


def test_a_run_that_resumes_another_goes_on_with_what_it_has_got_to_itself(root, tmp_path, capsys):
    trained(root, tmp_path / "first", MAX_EPOCH=1)
    cfg = toy.config(root, tmp_path / "second", MAX_EPOCH=3)
    cfg.RESUME = str(tmp_path / "first")
    build_trainer(cfg).train()
    assert (
        f'Found checkpoint in "{tmp_path}/first". Will resume training (epoch = 1)'
        in capsys.readouterr().out
    )
    shutil.rmtree(tmp_path / "second" / "body")  # so that not all models have a state there
    build_trainer(cfg).train()
    assert f'Found checkpoint in "{tmp_path}/first"' in capsys.readouterr().out
    (tmp_path / "second" / "head" / "checkpoint").write_text("model.pth.tar-2\n")
    build_trainer(cfg).train()
    assert (
        f'Found checkpoint in "{tmp_path}/second". Will resume training (epoch = 2)'
        in capsys.readouterr().out
    )


def test_a_damaged_best_epoch_of_the_run_that_is_resumed_gets_no_new_checksum(root, tmp_path):
    cfg = toy.config(root, tmp_path / "first", MAX_EPOCH=1)
    cfg.TEST.FINAL_MODEL = "best_val"
    build_trainer(cfg).train()
    best = tmp_path / "first" / "body" / "model-best.pth.tar"
    best.write_bytes(best.read_bytes()[:-1] + b"x")
    cfg.RESUME, cfg.OUTPUT_DIR = str(tmp_path / "first"), str(tmp_path / "second")
    with pytest.raises(
        ValueError, match="first/body/model-best.pth.tar is damaged: its SHA-256 is not the one in"
    ):
        build_trainer(cfg).train()
    assert not (tmp_path / "second" / "body" / "model-best.pth.tar").exists()


def test_a_resumed_schedule_drives_the_live_optimizer(root, tmp_path):
    trained(root, tmp_path / "run")
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    (tmp_path / "run" / "body" / "checkpoint").write_text("model.pth.tar-2\n")
    trainer.resume_model_if_exist(str(tmp_path / "run"))
    before = trainer.get_current_lr()
    trainer.model_update()
    trainer.update_lr()
    assert before == pytest.approx(
        0.05 * (1 + torch.cos(torch.tensor(torch.pi / 5)).item()), rel=1e-6
    )
    assert trainer.get_current_lr() < before


def test_checkpoints_hold_the_five_keys_and_load_as_weights_only(root, tmp_path):
    trained(root, tmp_path / "run")
    folder = tmp_path / "run" / "head"
    assert (folder / "checkpoint").read_text() == "model.pth.tar-5\n"
    assert len(list(folder.glob("model.pth.tar-?"))) == 5
    checkpoint = torch.load(folder / "model.pth.tar-4", weights_only=True)
    assert {"state_dict", "epoch", "optimizer", "scheduler", "val_result"} <= checkpoint.keys()
    assert checkpoint["epoch"] == 4 and checkpoint["scheduler"] == {"last_epoch": 4}


def test_the_best_epoch_on_validation_is_kept_and_deployed(root, tmp_path, capsys):
    cfg = toy.config(root, tmp_path / "run")
    cfg.TEST.FINAL_MODEL = "best_val"
    set_random_seed(3)
    build_trainer(cfg).train()
    out = capsys.readouterr().out
    assert out.count("Evaluate on the *val* set") == 5
    assert "Deploy the model with the best val performance" in out and "model-best.pth.tar" in out
    accuracies = [float(a) for a in re.findall(r"\* accuracy: ([\d.]+)%", out)[:5]]
    assert load_checkpoint(str(tmp_path / "run/head/model-best.pth.tar"))[
        "val_result"
    ] == pytest.approx(max(accuracies), abs=0.05)


def test_the_log_has_the_lines_that_parsers_read(root, tmp_path, capsys):
    trained(root, tmp_path / "run")
    out = capsys.readouterr().out
    line = (
        r"epoch \[1/5\] batch \[4/4\] time \d+\.\d{3} \(\d+\.\d{3}\) data \d+\.\d{3} \(\d+\.\d{3}\) "
        r"loss \d+\.\d{4} \(\d+\.\d{4}\) lr 1\.0000e-01 eta \d+:\d{2}:\d{2}"
    )
    assert re.search(line, out)
    assert (
        len(re.findall(r"^epoch ", out, re.M)) == 20
    )  # an epoch has fewer batches than PRINT_FREQ: each is printed
    order = [
        "No checkpoint found, train from scratch",
        "Checkpoint saved to",
        "Finish training",
        "Deploy the last-epoch model",
    ]
    order += ["Evaluate on the *test* set", "=> result", "* total: 18", "Elapsed: 0:00:0"]
    assert [out.index(text) for text in order] == sorted(out.index(text) for text in order)


def test_a_loss_that_is_no_number_stops_before_the_update(root, tmp_path):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    before = trainer.head.weight.clone()
    with pytest.raises(FloatingPointError):
        trainer.model_backward_and_update(trainer.head.weight.sum() * float("nan"))
    assert torch.equal(trainer.head.weight, before)


def test_load_model_says_what_is_missing(root, tmp_path, capsys):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    trainer.load_model("")
    assert "load_model() is skipped" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*body/model.pth.tar-7"):
        trainer.load_model(str(tmp_path / "run"), epoch=7)


def test_names_are_checked(root, tmp_path):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    with pytest.raises(KeyError, match="'head' is already registered"):
        trainer.register_model("head", trainer.head)
    with pytest.raises(KeyError, match="no model is named 'tail'; registered: body, head"):
        trainer.get_model_names("tail")
    with pytest.raises(KeyError, match="mode is 'sleep'; choose one of train, eval, test"):
        trainer.set_model_mode("sleep")
    with pytest.raises(RuntimeError, match="super"):
        TrainerX.__new__(TrainerX).register_model("x")
    with pytest.raises(NotImplementedError, match=r"Dassl\.pytorch"):
        SimpleNet()


@pytest.mark.parametrize(
    "pair, message",
    [
        (
            ["TEST.FINAL_MODEL", "bestval"],
            "TEST.FINAL_MODEL is 'bestval'; choose one of last_step, best_val",
        ),
        (["TEST.SPLIT", "vall"], "TEST.SPLIT is 'vall'; choose one of val, test"),
        (["TRAIN.PRINT_FREQ", 0], "TRAIN.PRINT_FREQ is 0; it must be at least 1"),
        (["OPTIM.MAX_EPOCH", 0], "OPTIM.MAX_EPOCH is 0; it must be at least 1"),
        (["INPUT.PIXEL_MEAN", [0.5]], r"INPUT.PIXEL_MEAN is \[0.5\]; it takes three numbers"),
        (
            ["INPUT.PIXEL_STD", ["a", "b", "c"]],
            r"INPUT.PIXEL_STD is \['a', 'b', 'c'\]; it takes three numbers",
        ),
    ],
)
def test_settings_that_would_pass_in_silence_or_fail_late_are_refused(
    root, tmp_path, pair, message
):
    cfg = toy.config(root, tmp_path / "run")
    cfg.merge_from_list(pair)
    with pytest.raises(ValueError, match=f"^{message}"):
        build_trainer(cfg)


@pytest.mark.parametrize("left", ["nothing", "body", "pointer"])
def test_a_folder_to_resume_must_hold_a_run_of_this_trainer(root, tmp_path, left):
    cfg = toy.config(root, tmp_path / "run")
    cfg.RESUME = str(tmp_path / "other")
    if left != "nothing":
        trained(root, tmp_path / "other", MAX_EPOCH=1)
        shutil.rmtree(tmp_path / "other" / "head")
    if left == "pointer":  # to a file that is gone
        (tmp_path / "other" / "head").mkdir()
        (tmp_path / "other" / "head" / "checkpoint").write_text("model.pth.tar-9\n")
    missing = "body" if left == "nothing" else "head"
    message = (
        f"^nothing to resume in .*other: a run of ToyTrainer leaves {missing}/checkpoint there"
    )
    with pytest.raises(FileNotFoundError, match=message):
        build_trainer(cfg).train()
    assert not (tmp_path / "run").exists()


def test_the_best_epoch_of_the_run_that_is_resumed_is_deployed(root, tmp_path, capsys):
    cfg = toy.config(root, tmp_path / "first")
    cfg.TEST.FINAL_MODEL = "best_val"
    trainer = build_trainer(cfg)
    trainer.epoch = 1
    trainer._save_if_best(100.0)  # so that no later epoch is better
    best = (tmp_path / "first" / "head" / "model-best.pth.tar").read_bytes()
    cfg.RESUME, cfg.OUTPUT_DIR = str(tmp_path / "first"), str(tmp_path / "second")
    build_trainer(cfg).train()
    assert (
        f'Loading weights to head from "{tmp_path}/second/head/model-best.pth.tar" (epoch = 2)'
        in capsys.readouterr().out
    )
    assert (tmp_path / "second" / "head" / "model-best.pth.tar").read_bytes() == best
    (tmp_path / "second" / "head" / "model-best.pth.tar").write_bytes(b"its own")
    build_trainer(cfg)._copy_best(cfg.RESUME)
    assert (tmp_path / "second" / "head" / "model-best.pth.tar").read_bytes() == b"its own"


@pytest.mark.parametrize(
    "content, message",
    [
        (
            {"epoch": 1},
            "is not a training checkpoint: 'state_dict' is not of type dict; restore or delete it",
        ),
        (
            {"state_dict": {}, "epoch": 1.5},
            "is not a training checkpoint: 'epoch' is not of type int; restore or delete it",
        ),
        (
            {"state_dict": {}, "epoch": 1},
            r"does not fit this method and its settings \(.*Missing key.*\); use the settings of",
        ),
    ],
)
def test_a_foreign_checkpoint_is_named_when_resumed_or_loaded(root, tmp_path, content, message):
    trainer = trained(root, tmp_path / "run", MAX_EPOCH=1)
    torch.save(content, tmp_path / "run" / "head" / "model.pth.tar-1")
    (tmp_path / "run" / "head" / "model.pth.tar-1.sha256").unlink()
    for take_up in (
        trainer.resume_model_if_exist,
        lambda folder: trainer.load_model(folder, epoch=1),
    ):
        with pytest.raises(ValueError, match=f"run/head/model.pth.tar-1 {message}"):
            take_up(str(tmp_path / "run"))


def test_a_training_state_of_another_trainer_is_named(root, tmp_path):
    trainer = trained(root, tmp_path / "run", MAX_EPOCH=1)
    path = tmp_path / "run" / "head" / "model.pth.tar-1"
    torch.save(load_checkpoint(str(path)) | {"trainer_state": {}}, path)
    path.with_name(f"{path.name}.sha256").unlink()
    with pytest.raises(
        ValueError, match=r"head/model.pth.tar-1 does not fit .* \(KeyError: 'extra'\)"
    ):
        trainer.resume_model_if_exist(str(tmp_path / "run"))


WATCHED = """
import sys
from tests.engine.test_trainer import run_with_log
run_with_log(*sys.argv[1:])
"""


def run_with_log(root, output):
    setup_logger(str(output))
    trained(root, output)
    sys.stdout.close()


def without_times(output):
    clock = re.compile(r"(?<=time )\S+ \S+ data \S+ \S+|(?<=eta )\S+|(?<=Elapsed: )\S+")
    return clock.sub("-", (output / "log.txt").read_bytes().decode())


def test_where_a_terminal_watches_there_is_a_bar_and_the_log_is_the_same(root, tmp_path):
    run_with_log(root, tmp_path / "run")
    unwatched = without_times(tmp_path / "run")
    shutil.move(tmp_path / "run", tmp_path / "unwatched")  # the log names its folder
    ours, theirs = os.openpty()
    fcntl.ioctl(
        theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0)
    )  # a screen of 24 lines, 100 columns
    seen = []

    def watch():
        with contextlib.suppress(OSError):  # the run is over
            while text := os.read(ours, 4096):
                seen.append(text)

    watcher = threading.Thread(target=watch)
    watcher.start()
    command = [sys.executable, "-c", WATCHED, str(root), str(tmp_path / "run")]
    subprocess.run(command, cwd=ROOT, check=True, stdout=theirs, stderr=theirs)
    os.close(theirs)
    watcher.join()
    os.close(ours)
    assert without_times(tmp_path / "run") == unwatched
    assert "\r" not in unwatched and unwatched.count("epoch [") == 20
    screen = b"".join(seen).decode()
    assert "epoch 5/5: " in screen and "4/4" in screen  # the bar
    for line in re.split("[\r\n]+", screen):  # each line of the log stands alone
        if "epoch [" in line:
            assert re.fullmatch(r"epoch \[\d/5\] batch \[\d/4\] .* eta [\d:]+", line), line


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_what_fails_takes_the_bar_away(root, tmp_path, monkeypatch):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    monkeypatch.setattr(trainer, "forward_backward", lambda batch: 1 / 0)
    monkeypatch.setattr(sys, "stderr", terminal := _Terminal())
    with pytest.raises(ZeroDivisionError) as _:
        trainer.train()
    assert "epoch 1/5" in terminal.getvalue() and terminal.getvalue().endswith("\r")
    assert terminal.getvalue().split("\r")[-2].strip() == ""  # the last that stood there is blank
    trainer.close_writer()
