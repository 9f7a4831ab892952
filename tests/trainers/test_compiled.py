"""The compiled step is the plain one, forward and gradient."""

import pytest
import torch

from benchmarks.workload import batch, class_names, ours
from tests.benchmarks.test_step import TINY
from tests.trainers import test_lora, test_mmrl, test_more_checkpoints
from tests.trainers.test_checkpoints import CASES, trainer_of
from tests.trainers.test_dept import trainer_of as probed
from trainers.compiled import as_one_graph

# what PyTorch's own compiler warns of
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:The .grad attribute of a Tensor that is not a leaf",
    "ignore:Guards may run slower",
)


@pytest.fixture(autouse=True)
def afresh():
    """PyTorch gives up on a function that it has compiled eight times in one process."""
    torch.compiler.reset()


def one_step(side, loss, images, labels):
    value = loss(images, labels)
    side.student.prompts.zero_grad()
    value.backward()
    return value, [prompt.grad.clone() for prompt in side.student.prompts.parameters()]


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [0, 3])
def test_one_graph_gives_the_same_loss_and_gradients(at_once):
    cpu = torch.device("cpu")
    side = ours(TINY, class_names(7), cpu)
    side.student.frozen.texts_at_once = at_once
    graph, of = as_one_graph(side.loss, cpu, backend="aot_eager"), batch(TINY, 7, 4, cpu)
    (plain, gradients), (compiled, theirs) = (one_step(side, graph, *of) for _ in range(2))
    assert compiled.item() == pytest.approx(plain.item(), rel=1e-6)
    largest = max(gradient.abs().max() for gradient in gradients)
    assert all((a - b).abs().max() < 1e-5 * largest for a, b in zip(gradients, theirs, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["promptsrc_default", "coop_generic", "cocoop_default", "maple_default"]
)
def test_every_kind_of_prompts_makes_a_whole_graph(tmp_path, name):
    check_that_it_makes_a_whole_graph(trainer_of(name, tmp_path, CASES[name]["class_names"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kgcoop_default", "tcp_small"])
def test_later_methods_make_one_too(tmp_path, name):
    check_that_it_makes_a_whole_graph(test_more_checkpoints.trainer_of(name, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mmrl_early_gap", "mmrlpp_beta", "clip_lora"])
def test_methods_that_join_tokens_or_update_blocks_make_one_too(tmp_path, name):
    maker = test_lora if name == "clip_lora" else test_mmrl
    check_that_it_makes_a_whole_graph(maker.trainer_of(name, tmp_path))


def check_that_it_makes_a_whole_graph(trainer):
    images, labels = torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
    trainer.losses = super(type(trainer), trainer).losses  # without what records them
    graph = as_one_graph(trainer.forward, torch.device("cpu"), backend="aot_eager")
    plain, compiled = (graph(images, labels) for _ in range(2))
    torch.testing.assert_close(compiled, plain, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_a_probe_is_in_the_graph(tmp_path):
    trainer = probed("dept_promptsrc", tmp_path)
    images, labels = torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
    trainer.losses = super(type(trainer), trainer).losses
    graph = as_one_graph(trainer.forward, torch.device("cpu"), backend="aot_eager")
    plain, compiled = (graph(images, labels) for _ in range(2))
    torch.testing.assert_close(compiled, plain, atol=1e-5, rtol=1e-5)
