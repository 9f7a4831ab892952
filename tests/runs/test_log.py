"""The training curve of a log: each step once, even if a killed run is resumed."""

import math

import pytest

from runs import log

LINE = (
    "epoch [{}/3] batch [{}/4] time 0.500 (0.250) data 0.001 (0.002) loss {} ({}) "
    "loss_ce 1.5000 (1.2500) acc 75.0000 (50.0000) lr {} eta 0:00:01\n"
)
VAL = "Evaluate on the *val* set\n=> result\n* total: 8\n* correct: 5\n* accuracy: {}%\n"


def line(epoch, batch, loss, mean=2.0, lr="2.5000e-03"):
    return LINE.format(epoch, batch, loss, mean, lr)


def write(folder, name, *texts):
    (folder / name).write_text("".join(texts))


def test_points_are_those_of_the_lines(tmp_path):
    write(
        tmp_path,
        "log.txt",
        "** Config **\n",
        line(1, 2, "3.0000", lr="1.0000e-05"),
        line(1, 4, "2.5000", 2.75),
    )
    history = log.read(tmp_path)
    assert history.names == ["loss", "loss_ce", "acc"]
    assert history.values("loss") == [(0.5, 3.0), (1.0, 2.5)]
    assert history.means("loss") == [(1.0, 2.75)] and history.means("acc") == [(1.0, 50.0)]
    assert [point.lr for point in history.lines] == [1e-5, 2.5e-3]
    assert history.seconds == 0.25 * 4
    assert (history.epochs_done, history.finished) == (1, False)


def test_a_resumed_run_has_each_step_once(tmp_path):
    first = [line(e, b, f"{e}.{b}") for e in (1, 2) for b in (2, 4)]
    write(tmp_path, "log.txt", *first, line(3, 2, 9.0), "epoch [3/3] batch [4/4] ti")
    # from a step within an epoch; the batches before it stand in the log before
    write(
        tmp_path,
        "log.txt-2026-01-02-00-00-00",
        "Will resume training\n",
        line(2, 4, 5.0),
        line(3, 2, 6.0),
    )
    write(
        tmp_path,
        "log.txt-2026-01-03-00-00-00",
        line(3, 4, 7.0),
        "Finish training\n=> result\n* accuracy: 50.0%\n",
    )
    write(
        tmp_path, "log.txt-2026-01-04-00-00-00", "Finish training\n=> result\n* accuracy: 50.0%\n"
    )
    history = log.read(tmp_path)
    expected = [(1, 2, 1.2), (1, 4, 1.4), (2, 2, 2.2), (2, 4, 5.0), (3, 2, 6.0), (3, 4, 7.0)]
    assert [(point.epoch, point.batch, point.values["loss"]) for point in history.lines] == expected
    assert history.finished and history.epochs_done == 3
    assert history.seconds == 3 * 0.25 * 4


def test_validation_is_told_from_the_final_test(tmp_path):
    write(
        tmp_path,
        "log.txt",
        line(1, 4, 1.0),
        VAL.format(40.0),
        line(2, 4, 1.0),
        VAL.format(50.0),
        line(3, 2, 1.0),
    )
    write(
        tmp_path,
        "log.txt-2",
        line(2, 4, 1.0),
        VAL.format(55.0),
        "Finish training\n",
        VAL.format(99.0),
    )
    assert log.read(tmp_path).validation == {1: 40.0, 2: 55.0}


def test_a_loss_that_is_no_number_is_read_as_one(tmp_path):
    write(tmp_path, "log.txt", line(1, 4, "nan", "nan"))
    assert math.isnan(log.read(tmp_path).values("loss")[0][1])


@pytest.mark.parametrize("text", ["", "=> result\n* accuracy: 50.0%\n", "\xff\x00"])
def test_logs_without_training(tmp_path, text):
    write(tmp_path, "log.txt", text)
    assert log.read(tmp_path) == log.History() == log.read(tmp_path / "nowhere")


def test_the_order_of_logs_is_that_of_their_steps(tmp_path):
    """The clock was set back by a year before the last one."""
    write(tmp_path, "log.txt", line(1, 2, 1.0), line(1, 4, 2.0), line(2, 2, 3.0))
    write(tmp_path, "log.txt-2026-11-01-02-00-00", line(2, 2, 3.5), line(2, 4, 4.0))
    write(
        tmp_path,
        "log.txt-2025-01-01-00-00-00",
        line(2, 4, 5.0),
        line(3, 4, 6.0),
        "Finish training\n",
    )
    write(tmp_path, "log.txt-2025-01-01-00-00-01", "Finish training\n")
    history = log.read(tmp_path)
    assert history.values("loss") == [(0.5, 1.0), (1.0, 2.0), (1.5, 3.5), (2.0, 5.0), (3.0, 6.0)]
    assert (history.epochs_done, history.finished) == (3, True)
