"""Several runs in one tower call equal each of them alone: features, losses and gradients."""

import functools
import random
from functools import reduce

import pytest
import torch
import torch.nn.functional as F

from promptsrc.clip import plain
from promptsrc.clip.frozen import FrozenCLIP, build_clip
from promptsrc.clip.precision import precision
from promptsrc.clip.text import embed
from promptsrc.clip.towers import encode_image, encode_text
from promptsrc.clip.vectors import tensors_of, with_tensors
from promptsrc.model import Encoded
from promptsrc.pack import PackedTowers
from promptsrc.prompts import ContextPrompts, CoupledPrompts, DeepPrompts
from promptsrc.regulation import consistency_losses
from tests import tiny_clip
from tests.promptsrc.clip.test_plain import ragged_names, random_prompts
from tests.promptsrc.clip.test_towers import float64

PREFIXES = ["a photo of a", "itap of my big", "X X X X"]  # of equally many tokens
NAMES = [["cat", "fire truck"], ["dog", "bus"], ["tree", "tall house"]]
CLOSE = {"atol": 1e-10, "rtol": 0}


@functools.cache
def frozen(texts_at_once=0):
    clip = float64(build_clip(tiny_clip.tiny_clip_state_dict(3)))
    return FrozenCLIP(clip, precision("fp32", "cpu"), texts_at_once)


def learners(rng, names, count):
    """Of one kind and of equal sizes; their starts differ, and perhaps their words."""
    n, depth = rng.randint(1, 4), rng.randint(1, 4)
    build = rng.choice(
        [
            lambda words: ContextPrompts(frozen().clip, names, 0, words),
            lambda words: ContextPrompts(frozen().clip, names, n, position="middle"),
            lambda words: ContextPrompts(frozen().clip, names, n, classes=len(names)),
            lambda words: DeepPrompts(frozen().clip, names, n, depth, n + 1, depth, words),
            lambda words: DeepPrompts(frozen().clip, names, 4, 1, 2, depth, words),
            lambda words: DeepPrompts(frozen().clip, names, 0, 0, n, depth),
            lambda words: CoupledPrompts(frozen().clip, names, n, depth, words),
        ]
    )
    return [build(rng.choice(PREFIXES[:2])).double() for _ in range(count)]


def unit(features):  # of the model, but in float64
    return F.normalize(features, dim=-1)


def losses(learner, images, labels, image, text, teacher):
    """Cross-entropy and consistency of one run."""
    f_p, g_p = unit(image), unit(text)
    student = Encoded(f_p, g_p, frozen().logits(f_p, g_p), image, text)
    taught = consistency_losses(student, teacher, lambda_1=3.0, lambda_2=5.0)
    return reduce(torch.add, [F.cross_entropy(student.logits, labels), *taught.values()])


@pytest.mark.parametrize("seed", range(40))
def test_features_losses_and_gradients_of_each_run(seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    names, count, batch = ragged_names(rng), rng.randint(2, 5), rng.randint(1, 3)
    clip = FrozenCLIP(frozen().clip, frozen().precision, rng.choice([0, 0, 3, 7]))
    packed, runs = PackedTowers(clip), learners(rng, names, count)
    images = [torch.randn(batch, 3, 32, 32).double() for _ in runs]
    labels = [torch.randint(len(names), (batch,)) for _ in runs]
    texts = [run.texts(frozen().clip) for run in runs]
    with torch.no_grad():
        plain_text = unit(encode_text(frozen().clip, embed(frozen().clip, names)))
        plain_image = [unit(each) for each in packed.encode_image(images, [{}] * count)]
    plain = [(i, plain_text) for i in plain_image]
    teachers = [Encoded(*pair, frozen().logits(*pair), *pair) for pair in plain]
    text = packed.encode_text(texts, [run.text for run in runs])
    image = packed.encode_image(images, [run.image for run in runs])
    together = [
        losses(*each) for each in zip(runs, images, labels, image, text, teachers, strict=True)
    ]
    torch.autograd.backward(together)
    for i, run in enumerate(runs):
        alone = encode_image(frozen().clip, images[i], run.image)
        its_text = encode_text(frozen().clip, texts[i], run.text)
        for ours, theirs in ((image[i], alone), (text[i], its_text)):
            torch.testing.assert_close(ours, theirs, **CLOSE)
        loss = losses(run, images[i], labels[i], alone, its_text, teachers[i])
        torch.testing.assert_close(together[i], loss, **CLOSE)
        used = [p for p in run.parameters() if p.grad is not None]
        for mine, other in zip(used, torch.autograd.grad(loss, used), strict=True):
            torch.testing.assert_close(mine.grad, other, **CLOSE)


def redrawn(vectors):
    """The same entries with values of their own."""
    return {i: with_tensors(v, map(torch.randn_like, tensors_of(v))) for i, v in vectors.items()}


@pytest.mark.parametrize("seed", range(40))
def test_prompts_of_any_mixture(seed):
    """At any blocks, per class or not, more or fewer than the places, with words that differ."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    names, count = ragged_names(rng), rng.randint(2, 5)
    packed, places = PackedTowers(frozen(rng.choice([0, 2]))), rng.randint(0, 4)
    texts = [
        embed(frozen().clip, [f"{rng.choice(PREFIXES)} {name}." for name in names], places)
        for _ in range(count)
    ]
    first = random_prompts(rng, 4, len(names), places)
    vectors = [redrawn(first) for _ in range(count)]
    together = packed.encode_text(texts, vectors)
    for ours, rows, theirs in zip(together, texts, vectors, strict=True):
        torch.testing.assert_close(ours, plain.encode_text(frozen().clip, rows, theirs), **CLOSE)
    first, images = random_prompts(rng, 4), torch.randn(count, 2, 3, 32, 32).double()
    vectors = [redrawn(first) for _ in range(count)]
    together = packed.encode_image(list(images), vectors)
    for ours, batch, theirs in zip(together, images, vectors, strict=True):
        torch.testing.assert_close(ours, plain.encode_image(frozen().clip, batch, theirs), **CLOSE)


def test_runs_of_other_sizes_are_encoded_apart(tiny):
    packed, calls = PackedTowers(FrozenCLIP(tiny, precision("fp32", "cpu"))), []
    images = [torch.randn(b, 3, 32, 32) for b in (2, 3, 2)]
    vectors = [{0: torch.randn(2, 128)} for _ in images]
    tiny.visual.conv1.register_forward_hook(lambda *args: calls.append(len(args[2])))
    found = packed.encode_image(images, vectors)
    assert [len(each) for each in found] == [2, 3, 2]
    assert calls == [4, 3]
    calls.clear()
    with torch.no_grad():  # images in common, without prompts
        found = packed.encode_image([images[0]] * 3, [{}] * 3)
    assert calls == [2]
    assert found[0] is found[2]
    calls.clear()
    large = [torch.randn(60, 3, 32, 32) for _ in range(3)]
    packed.encode_image(large, vectors)
    assert calls == [120, 60]
    calls.clear()
    tiny.ln_final.register_forward_hook(lambda *args: calls.append(len(args[2])))
    rows = [embed(tiny, [f"a photo of a {name}." for name in names], 2) for names in NAMES]
    packed.encode_text(rows, [{0: torch.randn(2, 128)} for _ in rows])
    assert calls == [4, 2]


def test_a_run_alone_takes_the_plain_call(tiny):
    clip = FrozenCLIP(tiny, precision("fp32", "cpu"))
    texts, vectors = embed(tiny, ["a photo of a cat.", "a dog."], 2), {0: torch.randn(2, 128)}
    images = torch.randn(2, 3, 32, 32)
    packed = PackedTowers(clip)
    assert torch.equal(packed.encode_text([texts], [vectors])[0], clip.encode_text(texts, vectors))
    ours = packed.encode_image([images], [vectors])[0]
    assert torch.equal(ours, clip.encode_image(images, vectors))


def test_prompts_are_checked_run_by_run():
    packed, texts = PackedTowers(frozen()), embed(frozen().clip, ["a photo of a cat."], 2)
    wrong = {4: torch.zeros(2, 128).double()}
    with pytest.raises(ValueError, match="prompts for block 4; the text tower has blocks 0 to 3"):
        packed.encode_text([texts, texts], [wrong, wrong])
    wrong = {1: torch.zeros(3, 2, 128).double()}
    with pytest.raises(ValueError, match=r"prompts of block 1 are \(3, 2, 128\); they must be \(n"):
        packed.encode_image([torch.zeros(1, 3, 32, 32).double()] * 2, [wrong, wrong])


def test_a_forward_pass_of_ones_own_is_refused(tiny):
    with pytest.raises(ValueError, match="encodes one run at a time"):
        PackedTowers(FrozenCLIP(tiny, precision("fp32", "cpu"), forward=plain))
