"""A step's forward pass and an evaluation on `cuda`, on a machine without a GPU.

PyTorch's FakeTensorMode computes shapes and devices alone, and raises where devices mix.
"""

import types

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from torch._subclasses.fake_tensor import FakeTensorMode

from promptsrc.pack import PackedTowers
from tests.conftest import ROOT
from tests.parity import batches_of, config_of, eval_images_of, load_cases, recorded

CASES, _ = load_cases(ROOT / "tests" / "goldens")
CUDA = torch.device("cuda")
OURS = ("promptsrc", "trainers", "clip", "torch.nn", "tests")
NAMES = {case["trainer"]: name for name, case in CASES.items() if "injected" in case}


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
    properties = types.SimpleNamespace(total_memory=80 * 2**30, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *_: properties)
    with FakeTensorMode() as mode:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # else no autocast
        yield mode


def build(trainer, prec, output):
    """A trainer that has taken a step on the CPU: packed texts are plans, which need values."""
    case = CASES[NAMES[trainer]]
    cfg = config_of(case, output)
    cfg.TRAINER[trainer.upper()].PREC = prec
    batches = batches_of(case)
    built = recorded(TRAINER_REGISTRY.get(trainer), case["class_names"], batches)(cfg)
    built.forward(batches[0]["img"], batches[0]["label"])
    return built, batches[0], eval_images_of(case)


def devices(value):
    if isinstance(value, torch.Tensor):
        return {value.device.type}
    parts = value.values() if isinstance(value, dict) else value
    return set().union(*map(devices, parts))


@pytest.mark.parametrize("prec", ["fp32", "fp16", "bf16", "amp"])
@pytest.mark.parametrize("trainer", sorted(NAMES))
def test_losses_and_logits_are_on_the_gpu(trainer, prec, tmp_path, request):
    built, batch, images = build(trainer, prec, tmp_path)
    request.getfixturevalue("gpu")
    on_cuda(vars(built), {})
    loss, losses, logits = built.forward(*on_cuda((batch["img"], batch["label"]), {}))
    assert devices((loss, losses, logits)) == {"cuda"}
    with torch.no_grad(), built.model.classes_encoded_once():
        assert devices(built.model_inference(on_cuda(images, {}))) == {"cuda"}


@pytest.mark.parametrize("prec", ["fp32", "fp16", "bf16", "amp"])
def test_packs_are_on_the_gpu(prec, tmp_path, request):
    built, batch, _ = build("PromptSRC", prec, tmp_path)
    packed, prompts = PackedTowers(built.model.frozen), built.prompts
    texts = [built.model.texts, built.prompts.texts(built.model.frozen.clip)]
    packed.encode_text(texts, [prompts.text] * 2)
    request.getfixturevalue("gpu")
    on_cuda([vars(packed), texts, vars(prompts)], seen := {})
    images = on_cuda(batch["img"], seen)
    assert devices(packed.encode_text(texts, [prompts.text] * 2)) == {"cuda"}
    assert devices(packed.encode_image([images] * 2, [prompts.image] * 2)) == {"cuda"}


def test_tokens_at_positions_are_on_the_gpu(tmp_path, request):
    built, _, _ = build("PromptSRC", "fp32", tmp_path)
    frozen, texts, vectors = built.model.frozen, built.model.texts, built.prompts
    request.getfixturevalue("gpu")
    on_cuda(vars(built), {})
    positions = torch.ones(len(texts.eot), 2, dtype=torch.long, device=CUDA)
    assert devices(frozen.text_tokens(texts, vectors.text, positions)) == {"cuda"}


def test_a_mixture_of_devices_is_found(gpu):
    with pytest.raises(RuntimeError, match="cuda"):
        torch.zeros(2, device=CUDA) + torch.zeros(2)
