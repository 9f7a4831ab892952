"""Words and predictions, against counts by hand."""

import numpy as np
import pytest
import torch

from promptsrc.clip.frozen import load_clip
from promptsrc.prompts import ConditionalPrompts, ContextPrompts, CoupledPrompts, DeepPrompts
from report.learned import (
    Predictions,
    between_words,
    checkpoint_file,
    confusions,
    learned_numbers,
    nearest_words,
    text_vectors,
)
from runs.config import default_config

WORDS, NAMES = "a photo of a", ["cat"]


@pytest.fixture(scope="module")
def bundled():
    return load_clip("ViT-T/8")


@pytest.mark.parametrize(
    "learner",
    [
        lambda clip: DeepPrompts(clip, NAMES, 4, 3, 4, 3, WORDS),
        lambda clip: ContextPrompts(clip, NAMES, 4, WORDS),
        lambda clip: ConditionalPrompts(clip, NAMES, 4, WORDS),
        lambda clip: CoupledPrompts(clip, NAMES, 4, 3, WORDS),
    ],
)
def test_vectors_that_have_learned_nothing_are_their_words(bundled, learner):
    state = learner(bundled).state_dict()
    found = nearest_words(text_vectors(state), bundled.token_embedding.weight)
    assert [[words[0].text, words[0].distance] for words in found] == [
        [word, 0.0] for word in WORDS.split()
    ]
    assert all(
        len(words) == 5 and words == sorted(words, key=lambda w: w.distance) for words in found
    )


def test_distances_are_euclidean_and_special_tokens_are_no_words(tiny):
    embedding = tiny.token_embedding.weight
    end = embedding[-1:]
    (words,) = nearest_words(end, embedding, count=3)
    plain = (
        (embedding[:-2] - end).norm(dim=1).sort()[0][:3]
    )  # the last two tokens are the special ones
    assert [word.distance for word in words] == pytest.approx(plain.tolist())
    assert "endoftext" not in " ".join(word.text for word in words)


def test_tokens_that_pre_training_has_not_seen_are_no_words(bundled):
    embedding = bundled.token_embedding.weight
    rows, counts = embedding.unique(dim=0, return_counts=True)
    (words,) = nearest_words(
        rows[counts.argmax()][None], embedding
    )  # the row that all unseen tokens have
    assert words[0].distance > 0


def test_a_piece_of_a_word_is_marked(bundled):
    from promptsrc.clip.openai import tokenizer

    embedding = torch.eye(len(tokenizer.encoder), 8) + torch.arange(len(tokenizer.encoder))[:, None]
    whole, piece = (tokenizer.encoder[token] for token in ("photo</w>", "photo"))
    found = nearest_words(embedding[[whole, piece]], embedding, count=1)
    assert [words[0].text for words in found] == ["photo", "photo…"]


def test_the_distance_between_words():
    embedding = torch.zeros(49408, 1)
    embedding[:3, 0] = torch.tensor([1.0, 2.0, 4.0])
    assert between_words(embedding) == 2.0  # of 1, 2 and 3


def test_no_vectors_among_words(bundled):
    assert text_vectors(DeepPrompts(bundled, NAMES, 0, 0, 4, 2).state_dict()) is None


def test_trained_numbers_of_our_files_and_of_the_references():
    ours, frozen = (
        {"prompt_learner.ctx": torch.zeros(4, 8)},
        {"text_encoder.ln_final.weight": torch.zeros(8)},
    )
    assert learned_numbers(ours) == learned_numbers(ours | frozen) == 32
    assert learned_numbers({"vectors": torch.zeros(3, 2)}) == 6  # a method of one's own


LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
TRAINED = np.array([0, 1, 1, 1, 2, 2, 0, 0, 1, 2])
ZERO_SHOT = np.array([0, 0, 0, 0, 0, 2, 2, 2, 2, 2])
FOUND = Predictions(
    ["a", "b", "c", "d"], [f"{i}.png" for i in range(10)], LABELS, TRAINED, ZERO_SHOT
)


def test_accuracy_by_class():
    np.testing.assert_allclose(FOUND.by_class(TRAINED), [100 / 3, 50, 40, np.nan])
    np.testing.assert_allclose(FOUND.by_class(ZERO_SHOT), [100, 0, 100, np.nan])
    assert FOUND.totals.tolist() == [3, 2, 5, 0]


def test_confusions_the_most_frequent_first_then_the_larger_share():
    assert [tuple(confusion) for confusion in confusions(FOUND)] == [
        (0, 1, [1, 2]),  # 2 of 3
        (2, 0, [6, 7]),  # 2 of 5
        (1, 2, [4]),  # 1 of 2
        (2, 1, [8]),
    ]


@pytest.mark.parametrize(
    "final, own, expected",
    [
        ("last_step", ("-9", "-10", "-10.sha256"), "run/P/model.pth.tar-10"),
        ("last_step", (), "other/P/model.pth.tar-3"),
        ("best_val", ("-10",), None),
    ],
)
def test_which_checkpoint_is_shown(tmp_path, final, own, expected):
    files = [*(f"run/P/model.pth.tar{ending}" for ending in own), "run/P/model-unfinished.pth.tar"]
    for file in (*files, "other/P/model.pth.tar-3", "other/P/model-best.pth.tar"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    cfg = default_config()
    cfg.TEST.FINAL_MODEL, cfg.MODEL_DIR, cfg.LOAD_EPOCH = final, str(tmp_path / "other"), 3
    assert checkpoint_file(tmp_path / "run", cfg) == (expected and tmp_path / expected)
    if not own:
        cfg.LOAD_EPOCH = -1
        assert checkpoint_file(tmp_path / "run", cfg) == tmp_path / "other/P/model-best.pth.tar"
