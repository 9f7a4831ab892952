"""What is put into a checkpoint is read back, by both readers; what can't be is named."""

import enum
import io
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from pathlib import PurePosixPath

import numpy as np
import pytest
import torch
from dassl.engine import build_trainer
from dassl.utils import load_checkpoint, save_checkpoint, stand_ins
from dassl.utils.plain import DEEPEST, plain
from torch.optim import lr_scheduler
from yacs.config import CfgNode

import promptsrc.stand_ins
from promptsrc.checkpoint import read_checkpoint
from tests.engine import toy

Pair = namedtuple("Pair", "a b")
Level = enum.IntEnum("Level", {"HIGH": 3})
Colour = enum.Enum("Colour", {"RED": "red"}, type=str)


class Marked(torch.Tensor):
    """A tensor of an own class."""


def sgd():
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1)


CONVERTED = [
    (np.float64(1.5), 1.5),
    (np.float16(2), 2.0),
    (np.bool_(True), True),
    (np.uint64(2**63 + 1), 2**63 + 1),
    (np.complex64(1j), 1j),
    (np.str_("a"), "a"),
    (np.dtype("f4"), "float32"),
    (Level.HIGH, 3),
    (Colour.RED, "red"),
    (Pair(1, np.int8(2)), (1, 2)),
    (deque([1]), [1]),
    (range(2), [0, 1]),
    (PurePosixPath("/a"), "/a"),
    (np.array([1, "x"], dtype=object), [1, "x"]),
    (CfgNode({"A": {"B": (1, 2)}}), {"A": {"B": (1, 2)}}),
    (defaultdict(list, {np.int64(1): [2]}), {1: [2]}),
]
SAME = [
    *(None, True, 3, 2.5, 1j, "text", b"", b"\xff\0", bytearray(b"1"), {1, 2}, frozenset({1})),
    *(OrderedDict(b=1, a=2), Counter("aab"), {1: {(2, "x"): [None]}}, torch.Size([1, 2])),
    *(torch.float16, torch.device("cpu")),
]
OBJECT = np.array([[1, None], ["x", [2]]], dtype=object)
ARRAYS = [
    np.arange(6.0).reshape(2, 3).T,
    np.array(["aé", "b"]),
    np.array([b"x"]),
    np.zeros((0, 3), dtype=np.float16),
    np.array(5),
    np.array([1, 2], dtype=">i4"),
    np.array([True]),
]


def both_ways(tmp_path, value):
    """The value after it was saved and read; promptsrc's reader takes the file, too."""
    save_checkpoint({"state_dict": {}, "epoch": 1, "value": value}, str(tmp_path / "model"))
    path = tmp_path / "model" / "model.pth.tar-1"
    assert read_checkpoint(path)["epoch"] == 1
    return load_checkpoint(str(path))["value"]


@pytest.mark.parametrize(
    "value, expected", [*CONVERTED, *((value, value) for value in SAME)], ids=str
)
def test_values_are_read_back_as_plain_ones(tmp_path, value, expected):
    read = both_ways(tmp_path, {"x": [value]})["x"][0]
    assert read == expected and type(read) is type(expected)


@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_arrays_are_read_back(tmp_path, array):
    read = both_ways(tmp_path, array)
    assert isinstance(read, np.ndarray) and read.dtype == array.dtype.newbyteorder("=")
    assert read.shape == array.shape and np.array_equal(read, array)
    assert np.array_equal(both_ways(tmp_path, {"again": read})["again"], array)


def test_tensors_of_own_classes_and_with_attributes_are_tensors(tmp_path):
    attributed = torch.ones(2)
    attributed.module = torch.nn.Linear(1, 1)
    tensors = both_ways(tmp_path, [torch.ones(2).as_subclass(Marked), attributed])
    assert [type(tensor) for tensor in tensors] == [torch.Tensor] * 2
    parameter = both_ways(tmp_path, torch.nn.Parameter(torch.ones(2)))
    assert isinstance(parameter, torch.nn.Parameter)


@pytest.mark.parametrize(
    "value, kind",
    [
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (torch.Generator(), "torch._C.Generator"),
        (lambda: 1, "builtins.function"),
        (np.longdouble(1), "numpy.longdouble"),
        (np.zeros(1, dtype="datetime64[s]"), "numpy.ndarray"),
        (np.ma.masked_array([1.0], [True]), "numpy.ma.*MaskedArray"),
        (np.float32, "builtins.type"),
    ],
)
def test_what_no_checkpoint_can_hold_is_named(tmp_path, value, kind):
    says = rf"^checkpoint\['value'\]\['x'\]\[1\] is of class {kind}, which a checkpoint can't hold"
    with pytest.raises(ValueError, match=says):
        both_ways(tmp_path, {"x": [1, value]})
    assert not (tmp_path / "model" / "model.pth.tar-1").exists()


def test_what_holds_itself_is_named():
    value = []
    value.append(value)
    with pytest.raises(ValueError, match=r"nested too deep, or holds itself$"):
        plain({"x": value})
    assert plain([[1]], depth=DEEPEST - 1) == [[1]]


def test_arrays_of_objects_are_lists(tmp_path):
    assert both_ways(tmp_path, OBJECT) == OBJECT.tolist()
    path = tmp_path / "model.pth.tar-1"
    for array in (OBJECT, np.asfortranarray(OBJECT)):
        path.write_bytes(pickled(array))
        assert load_checkpoint(str(path))["value"].tolist() == OBJECT.tolist()


def pickled(content):
    """As Dassl.pytorch writes it."""
    buffer = io.BytesIO()
    torch.save({"state_dict": {}, "epoch": 1, "value": content}, buffer)
    return buffer.getvalue()


def schedules():
    for kind, args in {
        lr_scheduler.StepLR: (2,),
        lr_scheduler.MultiStepLR: ([1, 2],),
        lr_scheduler.CosineAnnealingLR: (5,),
        lr_scheduler.ExponentialLR: (0.9,),
        lr_scheduler.OneCycleLR: (0.1, 10),
        lr_scheduler.ReduceLROnPlateau: (),
        lr_scheduler.CosineAnnealingWarmRestarts: (3,),
        lr_scheduler.PolynomialLR: (),
    }.items():
        yield kind(sgd(), *args)


OBJECTS = [value for value, _ in CONVERTED if type(value).__module__.startswith(("numpy", "yacs"))]


@pytest.mark.parametrize(
    "value",
    [*OBJECTS, *SAME, *ARRAYS, *schedules(), sgd(), defaultdict(list, a=[1])],
    ids=lambda value: type(value).__name__,
)
def test_files_that_hold_objects_are_read_by_both_readers(tmp_path, value):
    path = tmp_path / "model.pth.tar-1"
    path.write_bytes(pickled(value))
    assert read_checkpoint(path)["epoch"] == 1
    plain(load_checkpoint(str(path)))


def test_both_readers_accept_the_same_classes(tmp_path):
    ours, theirs = (
        {f"{stand_in.__module__}.{stand_in.__name__}" for stand_in in found()}
        for found in (stand_ins.stand_ins, promptsrc.stand_ins.stand_ins)
    )
    assert ours == theirs
    path = tmp_path / "model.pth.tar-1"
    for value in (deque([1]), PurePosixPath("/a"), Level.HIGH, torch.nn.ReLU()):
        path.write_bytes(pickled(value))
        for read in (load_checkpoint, read_checkpoint):
            with pytest.raises(ValueError, match=r"\(it holds [\w.]+, which is not loaded\)"):
                read(str(path))


def test_numbers_and_arrays_of_other_files_are_read(tmp_path):
    path = tmp_path / "model.pth.tar-1"
    path.write_bytes(pickled([np.float64(1.5), *ARRAYS, CfgNode({"A": 1})]))
    number, *arrays, settings = load_checkpoint(str(path))["value"]
    assert type(number) is float and number == 1.5 and settings == {"A": 1}
    assert all(np.array_equal(*pair) for pair in zip(arrays, ARRAYS, strict=True))


@pytest.mark.parametrize("code", [b"O8", b"V8", b"f9"])
def test_an_array_that_would_read_bytes_as_objects_is_refused(tmp_path, code):
    path = tmp_path / "model.pth.tar-1"
    path.write_bytes(pickled(np.arange(3.0)).replace(b"f8", code))
    with pytest.raises(ValueError, match=r"can't be read \((an array of dtype|data type)"):
        load_checkpoint(str(path))


class Warmup(lr_scheduler.LRScheduler):
    """A schedule that holds another one, as plug-ins write it."""

    def __init__(self, optimizer, successor, epochs=1):
        self.successor, self.epochs = successor, epochs
        super().__init__(optimizer)

    def get_lr(self):
        if self.last_epoch >= self.epochs:
            self.successor.step()
            self._last_lr = self.successor.get_last_lr()
            return self._last_lr
        return [1e-5]


def with_warmup(root, output):
    trainer = build_trainer(toy.config(root, output))
    optimizer = trainer._optims["head"]
    trainer._scheds["head"] = Warmup(optimizer, lr_scheduler.CosineAnnealingLR(optimizer, 5))
    return trainer


@pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")
@pytest.mark.parametrize("old", [False, True], ids=["ours", "of Dassl.pytorch"])
def test_a_schedule_within_a_schedule_resumes_with_the_live_optimizer(root, tmp_path, old):
    trainer = with_warmup(root, tmp_path / "run")
    for _ in range(3):
        trainer.update_lr()
    trainer.save_model(2, str(tmp_path / "run"))
    if old:  # the schedule is pickled, with an optimizer of its own
        path = tmp_path / "run" / "head" / "model.pth.tar-3"
        content = load_checkpoint(str(path))
        torch.save(content | {"scheduler": trainer._scheds["head"].state_dict()}, path)
        path.with_name("checkpoint").write_text(f"{path.name}\n")
    again = with_warmup(root, tmp_path / "run")
    assert again.resume_model_if_exist(str(tmp_path / "run")) == 3
    rates = []
    for one in (trainer, again):
        one.update_lr()
        rates.append(one._optims["head"].param_groups[0]["lr"])
    assert rates[0] == rates[1] < 0.09
    assert again._scheds["head"].successor.optimizer is again._optims["head"]


def test_a_state_that_can_not_be_saved_stops_a_run_before_its_first_step(root, tmp_path):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    trainer.extra, trainer.forward_backward = torch.Generator(), None
    says = r"^checkpoint of body\['trainer_state'\]\['extra'\] is of class torch._C.Generator, "
    with pytest.raises(ValueError, match=says):
        trainer.train()


def test_a_numpy_result_does_not_end_a_run_after_its_last_epoch(root, tmp_path, monkeypatch):
    cfg = toy.config(root, tmp_path / "run", MAX_EPOCH=2)
    cfg.TEST.FINAL_MODEL = "best_val"
    trainer = build_trainer(cfg)
    test = trainer.test
    monkeypatch.setattr(trainer, "test", lambda *args, **how: np.float64(test(*args, **how)))
    trainer.train()
    best = torch.load(tmp_path / "run/head/model-best.pth.tar", weights_only=True)
    assert type(best["val_result"]) is float and type(best["best_result"]) is float
