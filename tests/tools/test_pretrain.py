"""The parts of pre-training against plain formulas."""

import random

import numpy as np
import pytest
import torch

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import tokenize
from tools.embedded.augment import MEAN, PIXELS, STD, augment, plain
from tools.embedded.captions import Captions
from tools.embedded.concepts import CLASSES
from tools.embedded.muon import Muon, orthogonal
from tools.embedded.pretrain import (
    SIZES,
    Vocabulary,
    _is_held_out,
    _schedule,
    contrastive_loss,
    some_patches,
)

ROW = {
    "vendor": "noto",
    "label": "owl",
    "tags": ["bird", "wise"],
    "group": "animals-nature",
    "subgroup": "animal-bird",
}


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("captions", [[0, 1, 2, 3], [0, 1, 0, 2], [5, 5, 5, 5]])
def test_contrastive_loss_is_the_mean_over_positives_in_both_directions(captions):
    rng = np.random.default_rng(0)
    image, text = unit(rng.normal(size=(4, 6))), unit(rng.normal(size=(4, 6)))
    same = np.equal.outer(captions, captions).astype(np.float64)
    logits = 7.0 * image @ text.T
    expected = 0.0
    for scores in (logits, logits.T):
        log_softmax = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        expected -= np.mean([log_softmax[i][same[i] == 1].mean() for i in range(4)]) / 2
    loss = contrastive_loss(
        *map(torch.from_numpy, (image, text)), torch.tensor(7.0), torch.from_numpy(same)
    )
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_orthogonal_keeps_the_directions_and_evens_out_their_sizes():
    torch.manual_seed(0)
    matrix = torch.randn(12, 5) @ torch.diag(torch.tensor([3.0, 2.0, 1.0, 0.5, 0.3]))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    result = orthogonal(matrix)
    inner = u.T @ result @ v.T
    assert (inner.diagonal() > 0.6).all() and (inner.diagonal() < 1.25).all()
    assert (inner - inner.diagonal().diag()).abs().max() < 1e-4


def test_muon_moves_each_entry_by_about_the_learning_rate_and_downhill():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(32, 32))
    weight.grad = torch.randn(32, 32)
    Muon([weight], lr=0.01).step()
    assert weight.detach().square().mean().sqrt().item() == pytest.approx(0.2 * 0.01, rel=0.15)
    assert (weight.detach() * weight.grad).sum() < 0


def test_muon_decays_weights_by_lr_times_decay():
    weight = torch.nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.zeros(4, 4)
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(weight.detach(), torch.full((4, 4), 0.95))


def test_schedule_warms_up_and_ends_at_zero():
    assert _schedule(0.0) < 0.01
    assert _schedule(0.03) == pytest.approx(1.0, abs=0.01)
    assert _schedule(0.5) == pytest.approx(0.5)
    assert _schedule(1.0) == pytest.approx(0.0, abs=1e-12)


def test_augmented_images_stay_in_range_and_repeat_with_the_seed():
    rgba = torch.randint(
        0, 256, (8, 4, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    first, again = (augment(rgba, torch.Generator().manual_seed(5)) for _ in range(2))
    assert first.shape == (8, 3, PIXELS, PIXELS)
    assert torch.equal(first, again)
    pixels = first * STD + MEAN
    assert pixels.min() >= -1e-6 and pixels.max() <= 1 + 1e-6
    assert not torch.equal(first, augment(rgba, torch.Generator().manual_seed(6)))


def test_a_transparent_drawing_shows_only_its_background():
    images = augment(
        torch.zeros(16, 4, 64, 64, dtype=torch.uint8), torch.Generator().manual_seed(0)
    )
    assert images.flatten(2).std(2).max() < 1e-5


def test_plain_is_clips_normalisation():
    image = torch.tensor([0, 128, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    expected = [
        (0 - 0.48145466) / 0.26862954,
        (128 / 255 - 0.4578275) / 0.26130258,
        (1 - 0.40821073) / 0.27577711,
    ]
    torch.testing.assert_close(plain(image).flatten(), torch.tensor(expected))


def test_half_of_the_captions_name_only_the_class_and_none_has_a_gap():
    captions, rng = Captions([ROW]), random.Random(0)
    drawn = [captions.draw(0, rng) for _ in range(1000)]
    assert not any("{}" in text for text in drawn)
    bare = [text for text in drawn if "bird" in text and "owl" not in text and "wise" not in text]
    assert 450 < len(bare) < 600
    assert any("owl" in text for text in drawn) and any("wise" in text for text in drawn)


def test_vocabulary_holds_every_token_of_captions_and_prompts():
    captions, rng = Captions([ROW]), random.Random(0)
    vocabulary = Vocabulary(captions)
    texts = (
        [captions.draw(0, rng) for _ in range(200)]
        + [f"a photo of a {name}." for name in CLASSES]
        + ["X X X X bird."]
    )
    assert (vocabulary.number[tokenize(texts).long()] >= 0).all()
    assert vocabulary.ids[-1] == 49407 and (vocabulary.ids.diff() > 0).all()
    clip, texts = CLIP(**SIZES, vocab_size=len(vocabulary.ids)), texts[-9:]
    plain = clip.encode_text(vocabulary.number[tokenize(texts).long()])
    torch.testing.assert_close(vocabulary.encode(clip, texts), plain, rtol=1e-3, atol=1e-5)


def test_held_out_concepts_are_left_out_in_any_vendors_drawing():
    held_out = {"owl", "beer mug"}
    words = [set(concept.split()) for concept in held_out]
    for vendor in ("noto", "fluent", "fxemoji"):
        assert _is_held_out({"vendor": vendor, "label": "owl"}, held_out, words)
        assert not _is_held_out({"vendor": vendor, "label": "duck"}, held_out, words)
    assert _is_held_out({"vendor": "clip-art", "label": "mug with beer"}, held_out, words)
    assert not _is_held_out({"vendor": "clip-art", "label": "beer barrel"}, held_out, words)


def test_dropping_patches_that_are_all_alike_changes_nothing():
    torch.manual_seed(0)
    clip = CLIP(**SIZES, vocab_size=8).eval()
    with torch.no_grad():
        clip.visual.positional_embedding[:] = 0
        clip.visual.class_embedding.copy_(
            clip.visual.conv1(torch.full((1, 3, 8, 8), 0.3)).flatten()
        )
        images = torch.full((2, 3, 48, 48), 0.3)
        dropped = some_patches(clip, images, torch.Generator().manual_seed(0))
        torch.testing.assert_close(dropped, clip.encode_image(images), rtol=1e-3, atol=1e-5)
