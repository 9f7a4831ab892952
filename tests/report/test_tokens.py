"""Nearest tokens, against distances by hand."""

import pytest
import torch

from promptsrc.clip.frozen import load_clip
from promptsrc.clip.tokens import tokenizer
from promptsrc.inference.prompt_file import PromptFile
from promptsrc.prompts import ConditionalPrompts, ContextPrompts, CoupledPrompts, DeepPrompts
from report.tokens import median_distance, nearest_tokens, text_vectors

WORDS = "a photo of a"


@pytest.fixture(scope="module")
def bundled():
    return load_clip("ViT-T/8")


def prompts_of(learner, settings, tensors=None):
    about = {"learner": learner.__name__, "settings": settings, "classnames": ["cat", "dog"]}
    return PromptFile(about, tensors)


@pytest.mark.parametrize(
    "learner, settings",
    [
        (DeepPrompts, {"n_text": 4, "depth_text": 3, "n_image": 4, "depth_image": 3}),
        (ContextPrompts, {"n": 4}),
        (ConditionalPrompts, {"n": 4}),
        (CoupledPrompts, {"n": 4, "depth": 3}),
    ],
)
def test_untrained_vectors_are_nearest_to_their_words(bundled, learner, settings):
    settings |= {"ctx_init": WORDS}
    state = learner(bundled, ["cat", "dog"], **settings).state_dict()
    vectors = text_vectors(prompts_of(learner, settings, state), bundled)
    found = nearest_tokens(vectors, bundled.token_embedding.weight)
    assert [near[0] for near in found] == [(word, 0.0) for word in WORDS.split()]
    for near in found:
        assert len(near) == 5 and near == sorted(near, key=lambda token: token.distance)


def test_a_context_per_class(bundled):
    settings = {"n": 3, "classes": 2}
    state = ContextPrompts(bundled, ["cat", "dog"], **settings).state_dict()
    vectors = text_vectors(prompts_of(ContextPrompts, settings, state), bundled)
    assert vectors.shape == (2, 3, 128) and torch.equal(vectors, state["ctx"])


def test_distances_are_euclidean_and_special_tokens_are_left_out(tiny):
    embedding = tiny.token_embedding.weight
    end = embedding[-1:]  # the last two tokens are the special ones
    (near,) = nearest_tokens(end, embedding, count=3)
    plain = (embedding[:-2] - end).norm(dim=1).sort()[0][:3]
    assert [token.distance for token in near] == pytest.approx(plain.tolist())
    assert "endoftext" not in " ".join(token.text for token in near)


def test_tokens_that_pre_training_has_not_seen_are_left_out(bundled):
    embedding = bundled.token_embedding.weight
    rows, counts = embedding.unique(dim=0, return_counts=True)
    shared = rows[counts.argmax()]  # the row of all unseen tokens
    (near,) = nearest_tokens(shared[None], embedding)
    assert near[0].distance > 0


def test_a_piece_of_a_word_is_marked():
    embedding = torch.eye(len(tokenizer.encoder), 8) + torch.arange(len(tokenizer.encoder))[:, None]
    whole, piece = (tokenizer.encoder[token] for token in ("photo</w>", "photo"))
    found = nearest_tokens(embedding[[whole, piece]], embedding, count=1)
    assert [near[0].text for near in found] == ["photo", "photo…"]


def test_many_vectors_are_all_there(tiny):
    embedding = tiny.token_embedding.weight
    found = nearest_tokens(embedding[:150], embedding, count=1)
    assert len(found) == 150 and {near[0].distance for near in found} == {0.0}


def test_the_median_distance():
    embedding = torch.zeros(49408, 1)
    embedding[:3, 0] = torch.tensor([1.0, 2.0, 4.0])
    assert median_distance(embedding) == 2.0  # of 1, 2 and 3


def test_no_text_vectors(bundled):
    settings = {"n_text": 0, "depth_text": 0, "n_image": 4, "depth_image": 2}
    state = DeepPrompts(bundled, ["cat", "dog"], **settings).state_dict()
    assert text_vectors(prompts_of(DeepPrompts, settings, state), bundled) is None
