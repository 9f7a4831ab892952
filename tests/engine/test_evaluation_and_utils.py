"""Evaluation lines, registries, meters, logs, checkpoint files."""

import errno
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from dassl.config import clean_cfg, get_cfg_default
from dassl.evaluation import build_evaluator
from dassl.metrics import compute_accuracy
from dassl.utils import (
    MetricMeter,
    Registry,
    load_checkpoint,
    load_pretrained_weights,
    save_checkpoint,
    setup_logger,
)
from sklearn.metrics import f1_score
from yacs.config import CfgNode

GOLDENS = Path(__file__).parents[1] / "goldens" / "checkpoints"


def test_the_evaluator_prints_and_returns_percents(capsys, tmp_path):
    cfg = get_cfg_default()
    cfg.TEST.PER_CLASS_RESULT, cfg.TEST.COMPUTE_CMAT, cfg.OUTPUT_DIR = True, True, str(tmp_path)
    evaluator = build_evaluator(cfg, lab2cname={0: "cat", 1: "dog", 2: "cow"})
    logits, labels = torch.eye(3)[[0, 0, 1, 2, 1]], torch.tensor([0, 0, 0, 1, 1])
    evaluator.process(logits[:2], labels[:2])
    evaluator.process(logits[2:], labels[2:])
    results = evaluator.evaluate()
    assert list(results) == ["accuracy", "error_rate", "macro_f1", "perclass_accuracy"]
    assert results["accuracy"] == pytest.approx(60.0)
    expected = 100 * f1_score([0, 0, 0, 1, 1], [0, 0, 1, 2, 1], average="macro", labels=[0, 1])
    assert results["macro_f1"] == pytest.approx(expected)
    assert results["perclass_accuracy"] == pytest.approx((200 / 3 + 50) / 2)
    out = capsys.readouterr().out
    assert (
        "=> result\n* total: 5\n* correct: 3\n* accuracy: 60.0%\n* error: 40.0%\n* macro_f1: "
        in out
    )
    assert (
        "* class: 0 (cat)\ttotal: 3\tcorrect: 2\tacc: 66.7%\n" in out and "* average: 58.3%" in out
    )
    assert (tmp_path / "cmat.pt").is_file()


def test_accuracy_at_k():
    output = torch.tensor([[3.0, 2, 1], [3, 2, 1], [1, 2, 3]])
    top1, top2 = compute_accuracy(output, torch.tensor([0, 1, 0]), topk=(1, 2))
    assert (top1.item(), top2.item()) == (pytest.approx(100 / 3), pytest.approx(200 / 3))


def test_defaults_and_clean_cfg():
    cfg = get_cfg_default()
    assert (cfg.SEED, cfg.OPTIM.LR, cfg.OPTIM.SGD_DAMPNING, cfg.DATALOADER.TRAIN_X.BATCH_SIZE) == (
        -1,
        0.0003,
        0,
        32,
    )
    cfg.TRAINER.COOP, cfg.TRAINER.MAPLE = CfgNode(), CfgNode()
    clean_cfg(cfg, "CoOp")
    assert list(cfg.TRAINER) == ["NAME", "COOP"]
    assert list(get_cfg_default().TRAINER) == ["NAME"]


def test_a_registry_refuses_a_second_object_of_a_name():
    registry = Registry("THING")

    @registry.register()
    class Thing: ...

    with pytest.raises(KeyError, match="already has Thing"):
        registry.register(type("Thing", (), {}))
    registry.register(type("Thing", (), {}), force=True)
    assert registry.get("Thing") is not Thing and registry.registered_names() == ["Thing"]
    with pytest.raises(KeyError, match="has no 'Other'; it has Thing"):
        registry.get("Other")


def test_a_meter_does_not_wait_for_a_device_before_it_is_read():
    meter = MetricMeter()
    for _ in range(3):
        meter.update({"loss": torch.ones((), device="meta")})  # has no value that could be read
    assert meter.meters["loss"].count == 3
    with pytest.raises((RuntimeError, NotImplementedError)):
        str(meter)


def test_meters():
    meter = MetricMeter()
    meter.update({"loss": 1.0, "acc": torch.tensor(50.0)})
    meter.update({"loss": 3.0})
    assert str(meter) == "loss 3.0000 (2.0000) acc 50.0000 (50.0000)"
    with pytest.raises(TypeError, match="dict of numbers"):
        meter.update([1])


def test_an_existing_log_is_never_overwritten(tmp_path, monkeypatch):
    (tmp_path / "log.txt").write_text("old")
    setup_logger(str(tmp_path))
    print("new line")
    sys.stdout.flush()
    [later] = tmp_path.glob("log.txt-????-??-??-??-??-??")
    assert later.read_text() == "new line\n" and (tmp_path / "log.txt").read_text() == "old"


def state(value):
    weights = {"module.w": torch.full((2,), value)}
    return {
        "state_dict": weights,
        "epoch": 1,
        "optimizer": None,
        "scheduler": None,
        "val_result": None,
    }


def test_a_failed_write_leaves_the_old_checkpoint_whole(tmp_path, monkeypatch):
    save_checkpoint(state(1.0), str(tmp_path))
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(
        OSError, match="model.pth.tar-1 can't be written .No space left on device.*free some space"
    ):
        save_checkpoint(state(2.0), str(tmp_path))
    assert load_checkpoint(str(tmp_path / "model.pth.tar-1"))["state_dict"]["w"].tolist() == [1, 1]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint", "model.pth.tar-1"]
    monkeypatch.undo()
    save_checkpoint(state(2.0), str(tmp_path))
    checksum = (tmp_path / "model.pth.tar-1.sha256").read_text()
    assert (
        checksum
        == hashlib.sha256((tmp_path / "model.pth.tar-1").read_bytes()).hexdigest()
        + "  model.pth.tar-1\n"
    )


def test_a_file_that_may_not_grow_is_one_line_and_stays_as_it_was(tmp_path):
    """The system's own limit stands for a full disk."""
    code = f"""
import resource, sys, torch
from dassl.utils import save_checkpoint
from dassl.utils.logger import Logger
state = dict(state_dict=dict(w=torch.zeros(8)), epoch=1, optimizer=None, scheduler=None, val_result=None)
save_checkpoint(state, {str(tmp_path)!r})
log = Logger({str(tmp_path / "log.txt")!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
more = state | dict(more=torch.zeros(500))
for action in (lambda: save_checkpoint(more, {str(tmp_path)!r}), lambda: log.write("x" * 600 + "\\n")):
    try:
        action()
    except OSError as error:
        print(error, file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    checkpoint, log = run.stderr.splitlines()
    assert checkpoint.startswith(
        f"{tmp_path}/model.pth.tar-1 can't be written (File too large) and is unchanged"
    )
    assert (
        log
        == f"log {tmp_path}/log.txt can't be written (File too large); free some space, then start again"
    )
    assert "more" not in load_checkpoint(str(tmp_path / "model.pth.tar-1"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damage_behind_the_writing_is_noticed(tmp_path, damage):
    save_checkpoint(state(1.0), str(tmp_path))
    file = tmp_path / "model.pth.tar-1"
    content = bytearray(file.read_bytes())
    content[content.index(torch.ones(2).numpy().tobytes())] ^= (
        1  # a weight, which PyTorch would read all the same
    )
    file.write_bytes(content if damage == "flip" else content[:-1])
    with pytest.raises(
        ValueError,
        match="model.pth.tar-1 is damaged: its SHA-256 is not the one in model.pth.tar-1.sha256",
    ):
        load_checkpoint(str(file))


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


def test_a_checkpoint_runs_no_code_and_names_the_damage(tmp_path, capsys):
    torch.save({"epoch": Evil()}, tmp_path / "evil.pth")
    torch.save({"w": torch.zeros(2000)}, tmp_path / "whole.pth")
    for size in (
        300,
        5000,
    ):  # of 9 kB; torch looks for the end of the first, and seeks before the start of the second
        (tmp_path / f"cut{size}.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:size])
    for start in "abehknstu1.(":  # opcodes of pickle, which fail each in its own way
        (tmp_path / f"text{start}.pth").write_text(f"{start}ello\n1\n2\n")
    (tmp_path / "whole.pth").unlink()
    for path in tmp_path.iterdir():
        with pytest.raises(
            ValueError, match=rf"{re.escape(path.name)} can't be read \(.*\); restore or delete it$"
        ):
            load_checkpoint(str(path))
    torch.save([1], tmp_path / "list.pth")
    with pytest.raises(
        ValueError, match=r"list.pth is not a checkpoint: it holds a list, not a dict"
    ):
        load_checkpoint(str(tmp_path / "list.pth"))
    assert "unpickled" not in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*none.pth"):
        load_checkpoint(str(tmp_path / "none.pth"))


@pytest.mark.parametrize(
    "file", sorted(GOLDENS.glob("*/*/model.pth.tar-*")), ids=lambda file: file.parts[-3]
)
def test_files_that_dassl_pytorch_wrote_are_read(file):
    checkpoint = load_checkpoint(str(file))
    assert f"model.pth.tar-{checkpoint['epoch']}" == file.name
    assert type(checkpoint["scheduler"]["successor"]).__name__ == "CosineAnnealingLR"


def test_pretrained_weights_without_a_training_around_them_are_copied(tmp_path):
    torch.save({"weight": torch.ones(1, 2)}, tmp_path / "w.pth")
    model = torch.nn.Linear(2, 1)
    load_pretrained_weights(model, str(tmp_path / "w.pth"))
    assert model.weight.tolist() == [[1, 1]]


def test_pretrained_weights_that_fit_are_copied(tmp_path, capsys):
    torch.save(
        {"state_dict": {"module.weight": torch.ones(1, 2), "bias": torch.ones(5)}},
        tmp_path / "w.pth",
    )
    model = torch.nn.Linear(2, 1)
    load_pretrained_weights(model, str(tmp_path / "w.pth"))
    assert model.weight.tolist() == [[1, 1]] and model.bias.shape == (1,)
    assert "do not match: bias" in capsys.readouterr().out
