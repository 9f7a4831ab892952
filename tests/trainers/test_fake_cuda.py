"""A step's losses, an evaluation and packs on `cuda`, on a machine without a GPU.

PyTorch's FakeTensorMode computes shapes and devices alone, and raises where devices mix. Every
registered method is built as a run builds it, with its shipped settings for the bundled CLIP.
"""

import inspect
import types

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY, build_trainer
from torch._guards import detect_fake_mode
from torch._subclasses.fake_tensor import FakeTensorMode

from runs.arguments import parse_args, setup_config
from runs.embedded import with_defaults
from trainers import pack
from trainers.base import CLIPTrainer
from trainers.dassl_pytorch import Trainer

CUDA = torch.device("cuda")
OURS = ("promptsrc", "trainers", "clip", "torch.nn")
METHODS = {
    name: TRAINER_REGISTRY.get(name)
    for name in TRAINER_REGISTRY.registered_names()
    if TRAINER_REGISTRY.get(name).__module__.startswith("trainers.")
}


def precisions(method):
    """All, unless the method computes in one."""
    prec = inspect.getattr_static(method, "prec", "fp32")
    return ["fp32", "fp16", "bf16", "amp"] if isinstance(prec, property) else [prec]


RUNS = [
    pytest.param(name, prec, marks=[pytest.mark.slow] * (prec != "fp16" and len(all_of_it) > 1))
    for name in sorted(METHODS)
    for all_of_it in [precisions(METHODS[name])]
    for prec in all_of_it
]


def on_cuda(value, seen):
    """The same object, whose tensors are replaced by fake ones on `cuda`."""
    if id(value) in seen:
        return seen[id(value)][1]
    new = value
    if isinstance(value, torch.Tensor):
        new = torch.empty(value.shape, dtype=value.dtype, device=CUDA)
        if isinstance(value, torch.nn.Parameter):
            new = torch.nn.Parameter(new, value.requires_grad)
    elif isinstance(value, torch.device):
        new = CUDA
    elif isinstance(value, tuple):
        parts = [on_cuda(part, seen) for part in value]
        new = type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    seen[id(value)] = value, new
    if isinstance(value, dict):
        value.update({key: on_cuda(part, seen) for key, part in value.items()})
    elif isinstance(value, list):
        value[:] = [on_cuda(part, seen) for part in value]
    elif isinstance(value, types.MethodType):
        on_cuda(value.__self__, seen)
    elif type(value).__module__.startswith(OURS) and hasattr(value, "__dict__"):
        on_cuda(vars(value), seen)
    return new


@pytest.fixture
def gpu(monkeypatch):
    """The mode; to be entered when all is built."""
    properties = types.SimpleNamespace(total_memory=80 * 2**30, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *_: properties)
    # inside the mode, else there is no autocast; when it is entered, it must not start CUDA
    monkeypatch.setattr(torch.cuda, "is_available", lambda: detect_fake_mode() is not None)
    return FakeTensorMode()


@pytest.fixture
def build(monkeypatch, in_root, tmp_path):
    """Builds a trainer that has taken a step on the CPU: packed texts are plans, of values."""
    monkeypatch.setattr(CLIPTrainer, "half_on_cpu", True)
    monkeypatch.setattr(Trainer, "init_writer", lambda *_: None)

    def built(name, prec):
        pairs = ["DATASET.NUM_SHOTS", "1", "DATALOADER.NUM_WORKERS", "0", "USE_CUDA", "False"]
        words = ["--trainer", name, "--seed", "1", "--output-dir", str(tmp_path), *pairs]
        cfg = setup_config(with_defaults(parse_args(words)))
        cfg.defrost()
        if hasattr(METHODS[name], "node"):
            cfg.TRAINER[METHODS[name].node].PREC = prec
        trainer = build_trainer(cfg)
        test = trainer.parse_batch_test(next(iter(trainer.test_loader)))[0][:2]
        if not trainer.get_model_names():
            return trainer, None, test
        trainer.before_train()
        trainer.num_batches, trainer.batch_idx = 2, 0
        batch = trainer.parse_batch_train(next(iter(trainer.train_loader_x)))
        trainer.forward(*batch)
        trainer.set_model_mode("eval")
        trainer.model_inference(test)
        return trainer, batch, test

    return built


def devices(value):
    if isinstance(value, torch.Tensor):
        return {value.device.type}
    parts = value.values() if isinstance(value, dict) else value
    return set().union(*map(devices, parts))


def step_and_test(trainer, batch, test):
    """The devices of what a step and a test give. Gradients are made up: fake ones have no CUDA."""
    found = set()
    if batch:
        trainer.backward = lambda *_, **__: [
            setattr(p, "grad", torch.empty_like(p)) for p in trainer.prompts.parameters()
        ]
        trainer.update = lambda: None
        trainer.set_model_mode("train")
        found |= devices(trainer.step(*batch))
        trainer.set_model_mode("eval")
    with torch.no_grad():
        found |= devices(trainer.model_inference(test))
        if batch:
            with trainer.model.classes_encoded_once():
                found |= devices(trainer.model_inference(test))
    return found


@pytest.mark.parametrize("name, prec", RUNS)
def test_losses_and_logits_are_on_the_gpu(name, prec, build, request):
    built = build(name, prec)
    with request.getfixturevalue("gpu"):
        trainer, batch, test = on_cuda(built, {})
        on_cuda(vars(trainer), {})
        assert step_and_test(trainer, batch, test) == {"cuda"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(METHODS))
def test_packs_are_on_the_gpu(name, build, request, monkeypatch):
    """Two runs are built as a pack, and take a step and a test as another one."""
    built, prec = {}, precisions(METHODS[name])[-1]

    def start(run):
        built[run] = build(name, prec)
        return 0

    assert pack.Pack({run: lambda run=run: start(run) for run in "ab"}).run() == {"a": 0, "b": 0}
    gpu, served, together, found = request.getfixturevalue("gpu"), pack._served, set(), {}
    with gpu:
        given = on_cuda(tuple(built.values()), seen := {})
        for trainer, *_ in given:
            on_cuda(vars(trainer), seen)

    def answered(requests):
        together.add(len(requests))
        with gpu:
            return served(requests)

    def work(run, mine):
        with gpu:
            found[run] = step_and_test(*mine)
        return 0

    monkeypatch.setattr(pack, "_served", answered)
    works = {"a": lambda: work("a", given[0]), "b": lambda: work("b", given[1])}
    assert pack.Pack(works).run() == {"a": 0, "b": 0}
    assert together == (set() if name == "CLIPLoRA" else {2})
    assert found == {"a": {"cuda"}, "b": {"cuda"}}


def test_tokens_at_positions_are_on_the_gpu(build, request):
    trainer, *_ = build("PromptSRC", "fp32")
    frozen, texts, vectors = trainer.model.frozen, trainer.model.texts, trainer.prompts
    with request.getfixturevalue("gpu"):
        on_cuda(vars(trainer), {})
        positions = torch.ones(len(texts.eot), 2, dtype=torch.long, device=CUDA)
        assert devices(frozen.text_tokens(texts, vectors.text, positions)) == {"cuda"}


def test_a_mixture_of_devices_is_found(gpu):
    with gpu, pytest.raises(RuntimeError, match="cuda"):
        torch.zeros(2, device=CUDA) + torch.zeros(2)


def test_the_walk_finds_the_methods():
    assert len(RUNS) > 80 and {"PromptSRC", "CLIPLoRA", "MMRLpp", "ZeroshotCLIP"} <= {*METHODS}
