"""The plain towers pass the recordings; the fast ones equal them in float64 for every mixture."""

import copy
import functools
import random
from itertools import product

import pytest
import torch
import torch.nn.functional as F

import trainers.base
from promptsrc.clip import chunks, plain, towers
from promptsrc.clip.frozen import FrozenCLIP, build_clip
from promptsrc.clip.openai import CLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.text import Texts, embed
from promptsrc.clip.vectors import LowRank, Tokens, Update, tensors_of, with_tensors
from promptsrc.model import ZeroShotCLIP
from promptsrc.prompts import DeepPrompts
from promptsrc.regulation import GaussianAggregation, SelfRegulation, diverse_features
from promptsrc.templates import TEACHER
from tests import tiny_clip
from tests.parity import load_cases, replay
from tests.parity.cases import GOLDENS
from tests.promptsrc.clip.test_towers import float64

CASES, TOLERANCES = load_cases(GOLDENS)

NAMES = ["cat", "fire truck", "a rather long name of a dachshund", "dog", "traffic light"]
WORDS = ["cat", "dog", "fire", "truck", "traffic", "xylophonist", "of"]  # of 1 token and of several


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if case["trainer"] == "PromptSRC"]
)
def test_the_plain_towers_pass_the_recordings(name, monkeypatch):
    monkeypatch.setattr(trainers.base, "FrozenCLIP", lambda *args: FrozenCLIP(*args, forward=plain))
    differences = list(replay(GOLDENS, CASES[name], TOLERANCES[CASES[name]["precision"]]))
    assert len(differences) >= 18
    assert [str(difference) for difference in differences if not difference.fits] == []


def random_prompts(rng, layers, classes=None, places=0):
    """Vectors for some blocks, few or many, shared or (with `classes`) per class.

    Some join as tokens, and keep a part of those that are there. Some blocks have an update of
    their attention instead.
    """
    blocks = sorted(rng.sample(range(layers), rng.randint(1, layers)))
    found = {}
    for block in blocks:
        if rng.random() < 0.25:
            found[block] = random_update(rng)
            continue
        joins = rng.random() < 0.5
        most = places if block == 0 and classes is not None and not joins else 5
        if most:
            n = rng.randint(1, most)
            shape = (classes, n, 128) if classes and rng.random() < 0.4 else (n, 128)
            vectors = torch.randn(shape, dtype=torch.float64, requires_grad=True)
            beta = rng.choice([0.3, 1.0]) if n <= places else 1.0
            found[block] = Tokens(vectors, beta) if joins else vectors
            places = max(places, n)
    return found


def random_update(rng, dropout=0.0):
    """Of rank 2, of some of queries, keys, values and output."""

    def low_rank():
        shapes = (2, 128), (128, 2)
        A, B = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes)
        return LowRank(A, B, 0.05, dropout)

    chosen = rng.sample("qkvo", rng.randint(1, 4))
    return Update(**{name: low_rank() for name in chosen})


def assert_equal(ours, theirs, prompts):
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)
    weights = torch.randn_like(ours)
    vectors = [tensor for entry in prompts.values() for tensor in tensors_of(entry)]
    gradients = (
        torch.autograd.grad((value * weights).sum(), vectors, allow_unused=True)
        for value in (ours, theirs)
    )
    for mine, other in zip(*gradients, strict=True):
        assert (mine is None) == (other is None)
        if mine is not None:
            torch.testing.assert_close(mine, other, atol=1e-9, rtol=0)


@functools.cache
def clip_of(text_layers=4):
    """A tiny CLIP with random weights; its prompts and inputs differ by test."""
    state = tiny_clip.tiny_clip_state_dict(text_layers, text_layers=text_layers)
    return float64(build_clip(state))


def ragged_names(rng):
    return [" ".join(rng.choices(WORDS, k=rng.randint(1, 7))) for _ in range(rng.randint(1, 9))]


@pytest.mark.parametrize("seed", range(60))
def test_text_prompts_of_any_mixture(seed):
    """Shared and per class, at any blocks, more or fewer than the places, with ragged names."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    layers = rng.randint(1, 4)
    clip = clip_of(layers)
    texts = embed(clip, [f"a photo of a {name}." for name in ragged_names(rng)], rng.randint(0, 4))
    prompts = random_prompts(rng, layers, len(texts.eot), texts.slots.shape[1])
    ours, theirs = (way.encode_text(clip, texts, prompts) for way in (towers, plain))
    if prompts:
        assert_equal(ours, theirs, prompts)
    else:
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)


@pytest.mark.parametrize("seed", range(6))
def test_text_prompts_that_stand_elsewhere_in_each_text(seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    clip = clip_of()
    texts = embed(clip, [f"a photo of a {name}." for name in ragged_names(rng)])
    slots = torch.stack([1 + torch.randperm(int(eot) - 1)[:4].sort().values for eot in texts.eot])
    texts = Texts(texts.tokens, texts.eot, texts.embeddings, slots)
    shapes = {0: (4, 128), 2: (len(slots), 3, 128)}
    prompts = {
        i: torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for i, shape in shapes.items()
    }
    assert_equal(*(way.encode_text(clip, texts, prompts) for way in (towers, plain)), prompts)


@pytest.mark.parametrize("seed", range(30))
def test_image_prompts_of_any_mixture(seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    clip = clip_of()
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    prompts = random_prompts(rng, 4)
    assert_equal(*(way.encode_image(clip, images, prompts) for way in (towers, plain)), prompts)
    sizes = [len(tensors_of(v)[0]) for v in prompts.values() if not isinstance(v, Update)]
    last = min(3, max(sizes, default=1))  # the tokens of the last prompts, too
    for read in (slice(-last, None), [0, *range(-last, 0)]):  # and CLS beside them
        tokens = (way.image_tokens(clip, images, prompts, read) for way in (towers, plain))
        assert_equal(*tokens, prompts)


@pytest.mark.parametrize("at_once", [0, 2])
def test_what_an_update_drops_is_dropped_for_each_text_apart(monkeypatch, at_once):
    """A stand-in drops by the value, so that both towers drop the same."""
    monkeypatch.setattr(F, "dropout", lambda x, p: torch.where(x > 0.1, x / (1 - p), 0))
    rng = random.Random(3)
    torch.manual_seed(3)
    clip = clip_of()
    texts = embed(clip, [f"a photo of a {name}." for name in NAMES])
    prompts = {i: random_update(rng, dropout=0.25) for i in range(4)}
    [packing] = {packing for packing, _ in texts.stages(prompts).values()}
    assert packing.shared == 0 and packing.places == 0
    ours = chunks.encode_text_in_chunks(clip, texts, prompts, at_once)
    assert_equal(ours, plain.encode_text(clip, texts, prompts), prompts)
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    assert_equal(*(way.encode_image(clip, images, prompts) for way in (towers, plain)), prompts)


def test_dropout_is_drawn_anew_for_each_map_and_kept_in_a_chunks_second_pass():
    torch.manual_seed(0)
    low, x = LowRank(torch.eye(8), torch.eye(8), 1.0, 0.5), torch.ones(1000, 8)
    first = low.of(x)
    assert not torch.equal(first, low.of(x))
    assert 0.47 < (first == 0).float().mean() < 0.53 and first.max() == 2
    clip = clip_of()
    texts = embed(clip, [f"a photo of a {name}." for name in NAMES])
    update, weights = random_update(random.Random(1), dropout=0.25), torch.randn(5, 64).double()
    A = tensors_of(update)[0]

    def total(at):
        torch.manual_seed(7)
        moved = with_tensors(update, iter([at, *tensors_of(update)[1:]]))
        return (chunks.encode_text_in_chunks(clip, texts, {1: moved}, 2) * weights).sum()

    [gradient] = torch.autograd.grad(total(A), [A])
    step = 1e-6 * torch.randn_like(A)
    with torch.no_grad():
        difference = total(A + step) - total(A - step)
    assert difference.item() == pytest.approx((2 * step * gradient).sum().item(), rel=1e-4)


def test_an_update_is_a_change_of_the_weights():
    torch.manual_seed(5)
    clip = copy.deepcopy(clip_of())
    texts = embed(clip, [f"a photo of a {name}." for name in NAMES])
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    prompts = {i: random_update(random.Random(i)) for i in (0, 3)}
    with torch.no_grad():
        ours = towers.encode_text(clip, texts, prompts), towers.encode_image(clip, images, prompts)
        both = clip.transformer, clip.visual.transformer
        for tower, (i, update) in product(both, prompts.items()):
            attn = tower.resblocks[i].attn
            rows = [*attn.in_proj_weight.chunk(3), attn.out_proj.weight]
            for weight, low in zip(rows, update, strict=True):
                weight += low.scale * low.B @ low.A if low else 0
        merged = towers.encode_text(clip, texts), towers.encode_image(clip, images)
    for mine, other in zip(ours, merged, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-9, rtol=0)


def test_any_tokens_of_a_text_are_given_out(tiny):
    clip = float64(tiny)
    texts = embed(clip, [f"a photo of a {name}." for name in NAMES], 4)
    prompts = {0: torch.randn(4, 128).double(), 2: torch.randn(len(NAMES), 6, 128).double()}
    for vectors in prompts.values():
        vectors.requires_grad_()
    positions = torch.stack([torch.arange(1, 7), *[torch.tensor([0, 3, 5, 6, 7, 8])] * 4])
    ours, theirs = (way.text_tokens(clip, texts, prompts, positions) for way in (towers, plain))
    assert ours.shape == (5, 6, 128)
    assert_equal(ours, theirs, prompts)


@pytest.mark.parametrize(
    "prompts, message",
    [
        ({4: (2, 128)}, "prompts for block 4; the (text|image) tower has blocks 0 to 3"),
        ({1: (2, 64)}, r"prompts of block 1 are \(2, 64\); they must be \(n, 128\)"),
        ({1: (128,)}, r"prompts of block 1 are \(128,\)"),
        ({1: (0, 128)}, r"prompts of block 1 are \(0, 128\)"),
        ({0: (5, 128)}, "5 prompt vectors at block 0, but the texts hold 4 places"),
        ({2: (3, 2, 128)}, "prompts of block 2 are for 3 classes, not 2"),
    ],
)
@pytest.mark.parametrize("way", [towers, plain])
def test_what_a_tower_cannot_do_is_refused(tiny, way, prompts, message):
    made = {block: torch.zeros(shape) for block, shape in prompts.items()}
    texts = embed(tiny, ["a photo of a cat.", "a photo of a dog."], 4)
    with pytest.raises(ValueError, match=message):
        way.encode_text(tiny, texts, made)
    if "places" not in message:
        with pytest.raises(ValueError, match="prompts (for|of) block"):
            way.encode_image(tiny, torch.zeros(1, 3, 32, 32), made)


@pytest.mark.parametrize("way", [towers, plain])
def test_a_part_of_tokens_that_are_not_there_cannot_be_kept(tiny, way):
    prompts = {1: torch.zeros(2, 128), 2: Tokens(torch.zeros(3, 128), 0.5)}
    texts, images = embed(tiny, ["a photo of a cat."]), torch.zeros(1, 3, 32, 32)
    for encode, inputs in ((way.encode_text, texts), (way.encode_image, images)):
        with pytest.raises(ValueError, match=r"keep a part of 3 tokens \(beta 0.5\), but 2 are"):
            encode(tiny, inputs, prompts)


@pytest.mark.parametrize("way", [towers, plain])
def test_image_prompts_for_a_resnet_are_refused(way):
    with torch.device("meta"):
        clip = CLIP(64, 64, (1, 1, 1, 1), 64, None, 77, 49408, 128, 2, 2)
        images, prompts = torch.zeros(1, 3, 64, 64), {0: torch.zeros(2, 64)}
    for call in (way.encode_image, way.image_tokens):
        with pytest.raises(ValueError, match="image prompts need a ViT backbone; this one is a"):
            call(clip, images, prompts)


def test_texts_shorter_than_their_places_are_refused(tiny):
    with pytest.raises(ValueError, match="a text of 1 tokens has no 4 places for prompt vectors"):
        embed(tiny, ["a photo of a cat.", "dog"], 4)


def test_more_prompts_for_places_elsewhere_are_refused(tiny):
    texts = embed(tiny, ["a photo of a cat.", "a photo of a dog."])
    texts = Texts(texts.tokens, texts.eot, texts.embeddings, torch.tensor([[3], [4]]))
    with pytest.raises(ValueError, match="2 prompt vectors for texts with 1 places that do not"):
        towers.encode_text(tiny, texts, {2: torch.zeros(2, 128)})


@pytest.mark.parametrize("depth, vectors", [(1, 2), (4, 4)])
def test_a_step_and_an_evaluation_of_both(tiny, depth, vectors):
    torch.manual_seed(depth)
    clip = float64(tiny)
    prompts = DeepPrompts(clip, NAMES, vectors, depth, vectors, depth, "a photo of a").double()
    images, labels = torch.randn(3, 3, 32, 32, dtype=torch.float64), torch.tensor([4, 0, 2])
    features, results = diverse_features(clip, NAMES, TEACHER[:3]), []
    for way in (towers, plain):
        frozen = FrozenCLIP(clip, precision("fp32", "cpu"), forward=way)
        model = prompts.student(frozen)
        taught = SelfRegulation(ZeroShotCLIP(frozen, features), GaussianAggregation(2, 1, 1))
        encoded = model.encode(images)
        losses = {"ce": F.cross_entropy(encoded.logits, labels), **taught.losses(encoded, images)}
        gradients = torch.autograd.grad(sum(losses.values()), list(prompts.parameters()))
        with torch.no_grad():
            results.append([*losses.values(), *gradients, model.classify(images)])
    for mine, theirs in zip(*results, strict=True):  # unit features and losses are float32
        torch.testing.assert_close(mine, theirs, atol=2e-4, rtol=1e-5)
