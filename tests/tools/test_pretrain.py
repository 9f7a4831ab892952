"""The parts of pre-training against plain formulas."""

import random

import numpy as np
import pytest
import torch

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import tokenize
from tools.embedded.augment import MEAN, PIXELS, STD, _places, augment, plain
from tools.embedded.captions import Captions
from tools.embedded.concepts import CLASSES
from tools.embedded.muon import Muon, orthogonal
from tools.embedded.pretrain import (
    SHARES,
    SIZES,
    Vocabulary,
    _is_held_out,
    _kinds,
    _schedule,
    contrastive_loss,
    some_patches,
)

ROW = {
    "source": "noto",
    "label": "owl",
    "hexcode": "1F989",
    "tags": ["bird", "wise"],
    "subgroup": "animal-bird",
    "mono": False,
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


NONE = torch.zeros(16, dtype=torch.bool)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_augmented_images_stay_in_range_and_repeat_with_the_seed():
    rgba = torch.randint(0, 256, (16, 4, 64, 64), dtype=torch.uint8, generator=seeded(0))
    first, again = (augment(rgba, NONE, NONE, seeded(5)) for _ in range(2))
    assert first.shape == (16, 3, PIXELS, PIXELS)
    assert torch.equal(first, again)
    pixels = first * STD + MEAN
    assert pixels.min() >= -1e-6 and pixels.max() <= 1 + 1e-6
    assert not torch.equal(first, augment(rgba, NONE, NONE, seeded(6)))


def test_a_picture_of_one_colour_is_seen_on_its_background():
    disk = (torch.linspace(-1, 1, 64)[:, None] ** 2 + torch.linspace(-1, 1, 64) ** 2) < 0.3
    rgba = torch.zeros(64, 4, 64, 64, dtype=torch.uint8)
    rgba[:, 3] = 255 * disk
    pixels = augment(rgba, torch.ones(64, dtype=torch.bool), NONE[:1].expand(64), seeded(3)) * STD
    middle, corner = pixels[:, :, 22:26, 22:26], pixels[:, :, :2, :2]
    contrast = (middle.mean((1, 2, 3)) - corner.mean((1, 2, 3))).abs()
    assert (contrast > 0.05).float().mean() > 0.9


def test_what_is_written_is_not_mirrored():
    half = torch.zeros(64, 4, 64, 64, dtype=torch.uint8)
    half[:, :, :, :32] = 255  # white on the left
    written = torch.ones(64, dtype=torch.bool)
    for flags, expected in ((written, 0.0), (~written, 0.5)):
        grid = _places(flags, seeded(1))
        moved = torch.nn.functional.grid_sample(half.float(), grid, align_corners=False)
        right = moved[..., 24:].sum((1, 2, 3)) > moved[..., :24].sum((1, 2, 3))
        assert right.float().mean() == pytest.approx(expected, abs=0.15)


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


def test_what_downstream_datasets_hold_is_left_out():
    def is_held_out(source, label):
        return _is_held_out(ROW | {"source": source, "label": label}, {"owl", "beer mug"})

    for source in ("noto", "noto-v1", "fluent", "fluent-3d", "twemoji", "emojione"):
        assert is_held_out(source, "owl") and not is_held_out(source, "duck")
    for source in ("openmoji", "fluent-high-contrast", "emojione-monotone"):
        assert is_held_out(source, "duck")
    for source in ("fxemoji", "clip-art", "stamps", "game-icons"):  # other pictures of the concept
        assert not is_held_out(source, "owl")


def test_every_kind_of_picture_is_drawn_from():
    rows = [ROW, ROW | {"hexcode": "", "source": "game-icons", "label": "sword", "subgroup": ""}]
    rows += [
        ROW | {"hexcode": "", "source": source, "label": source, "subgroup": "", "tags": [source]}
        for source in ("clip-art", "stamps", "clothes", "digits", "letters")
    ]
    captions = Captions(rows)
    kinds = _kinds(captions)
    assert kinds == {
        "classes": [[0]],
        "emoji": [[0]],
        "icons": [[1]],
        "clip-art": [[2]],
        "stamps": [[3]],
        "clothes": [[4]],
        "digits": [[5]],
        "letters": [[6]],
    }
    assert kinds.keys() == SHARES.keys() and sum(SHARES.values()) == pytest.approx(1)
    assert "clothes" in captions.draw(4, random.Random(0))


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
