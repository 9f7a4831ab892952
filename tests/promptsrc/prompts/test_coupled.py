"""Image vectors are projections of text vectors."""

import torch

from promptsrc.clip.text import tokenize
from promptsrc.prompts import CoupledPrompts

NAMES = ["cat", "fire_truck", "very long haired dachshund"]


def test_image_vectors_are_projections_of_text_vectors_of_their_layer(tiny):
    prompts = CoupledPrompts(tiny, NAMES, 2, 3, "a photo of a")
    deep = prompts.prompt_learner.compound_prompt_projections
    assert torch.equal(deep[0].weight, deep[1].weight) and deep[0].weight is not deep[1].weight
    assert not torch.equal(deep[0].weight, prompts.prompt_learner.proj.weight)
    text, image = prompts.text, prompts.image
    assert torch.equal(text[0].data, tiny.token_embedding(tokenize(["a photo"])[0, 1:3]))
    assert len(text) == len(image) == 3
    torch.testing.assert_close(image[2], text[2] @ deep[1].weight.t() + deep[1].bias)
