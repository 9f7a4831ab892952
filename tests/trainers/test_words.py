"""CTX_INIT beside keys that it would leave without effect."""

import pytest
from dassl.engine import TRAINER_REGISTRY

from runs.settings import trainers
from tests.runs.test_unused import built
from trainers.keys import CONTEXT, own_keys

PUBLISHED = "a photo of a"


@pytest.mark.parametrize(
    "trainer, changed, message",
    [
        ("CoOp", {"CSC": True}, "TRAINER.COOP.CSC is True and CTX_INIT 'a photo of a', but"),
        ("CoOp", {"N_CTX": 8}, "TRAINER.COOP.N_CTX is 8, but CTX_INIT .* makes 4 vectors"),
        ("CoOp", {"CTX_INIT": True}, "CTX_INIT is True, but CoOp takes words, such as 'a photo of"),
        ("CoOp", {"W": 8.0}, "TRAINER.COOP.W is 8.0, but CoOp does not use it; leave it out"),
        ("KgCoOp", {"CSC": True}, "TRAINER.COOP.CSC is True and CTX_INIT 'a photo of a', but"),
        ("KgCoOp", {"CLASS_TOKEN_POSITION": "front"}, "is 'front', but KgCoOp does not use it"),
        ("ProGrad", {"W": 8.0}, "TRAINER.COOP.W is 8.0, but ProGrad does not use it; leave it out"),
        ("ProGrad", {"N_CTX": 3}, "N_CTX is 3, but the words 'a photo of a' need 4 vectors"),
        ("TCP", {"N_CTX": 5}, "N_CTX is 5, but TCP's texts have places for 4; leave it out"),
        ("TCP", {"CSC": True}, "TRAINER.COOP.CSC is True, but TCP does not use it; leave it out"),
        ("TCP", {"W": 8.0}, "TRAINER.COOP.W is 8.0, but TCP does not use it; leave it out"),
        ("TCP", {"CTX_INIT": "photo"}, "CTX_INIT 'photo' has 1 tokens for 4 context vectors"),
        ("CoCoOp", {"N_CTX": 3}, "TRAINER.COCOOP.N_CTX is 3, but CTX_INIT .* makes 4 vectors"),
        ("MaPLe", {"N_CTX": 5, "CTX_INIT": "an image of one"}, "TRAINER.MAPLE.CTX_INIT is 'an"),
        ("IVLP", {"N_CTX_TEXT": 6, "CTX_INIT": "an image of one"}, "TRAINER.IVLP.CTX_INIT is 'an"),
        ("IVLP", {"N_CTX_VISION": 3, "PROMPT_DEPTH_VISION": 0}, "N_CTX_VISION is 3, but PROMPT_"),
        ("PromptSRC", {"N_CTX_VISION": 8, "PROMPT_DEPTH_VISION": 0}, "N_CTX_VISION is 8, but"),
        ("VPT", {"CTX_INIT": "an image of"}, "TRAINER.VPT.CTX_INIT is 'an image of' and PREC"),
        ("VPT", {"PREC": "bf16"}, "TRAINER.VPT.CTX_INIT is .* and PREC 'bf16'"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(trainer, changed, message, tmp_path):
    keys = {f"{own_keys(trainer)[0]}{key}": value for key, value in changed.items()}
    with pytest.raises(ValueError, match=message):
        built(trainer, tmp_path, **keys)


@pytest.mark.parametrize(
    "trainer, changed",
    [
        ("CoOp", {"CSC": True, "CTX_INIT": ""}),
        ("CoOp", {"N_CTX": 16, "CTX_INIT": PUBLISHED}),  # as published scripts say
        ("CoOp", {"N_CTX": 5, "CTX_INIT": "one two three four five"}),
        ("KgCoOp", {"CSC": True, "CTX_INIT": False}),
        ("TCP", {"W": 1.0, "N_CTX": CONTEXT, "CTX_INIT": True}),
        ("IVLP", {"N_CTX_TEXT": 6, "CTX_INIT": PUBLISHED}),
        ("IVLP", {"N_CTX_VISION": 0, "PROMPT_DEPTH_VISION": 0}),  # published: language only
        ("VPT", {"PREC": "fp32"}),
    ],
)
def test_published_combinations_pass(trainer, changed, tmp_path):
    built(trainer, tmp_path, **{f"{own_keys(trainer)[0]}{k}": v for k, v in changed.items()})


@pytest.mark.parametrize(
    "trainer, given, words",
    [
        ("CoOp", False, ""),
        ("KgCoOp", False, ""),
        ("KgCoOp", "", ""),
        ("KgCoOp", True, PUBLISHED),
        ("KgCoOp", "one two", "one two"),
    ],
)
def test_words_are_said_by_a_text_or_a_bool(trainer, given, words, tmp_path):
    keys = {"TRAINER.COOP.CTX_INIT": given, "TRAINER.COOP.N_CTX": CONTEXT}
    _, model = built(trainer, tmp_path, **keys)
    assert model.prompts.prefix == (words or " ".join(["X"] * CONTEXT))


def test_every_trainer_has_the_keys_that_the_table_says():
    for name in trainers():
        if node := getattr(TRAINER_REGISTRY.get(name), "node", ""):
            assert own_keys(name)[0] == f"TRAINER.{node}."
