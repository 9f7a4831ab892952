"""CTX_INIT beside keys that it would leave without effect."""

import pytest

from tests.runs.test_unused import built

PUBLISHED = "a photo of a"


@pytest.mark.parametrize(
    "trainer, changed, message",
    [
        ("CoOp", {"CSC": True}, "TRAINER.COOP.CSC is True and CTX_INIT 'a photo of a', but"),
        ("CoOp", {"N_CTX": 8}, "TRAINER.COOP.N_CTX is 8, but CTX_INIT .* makes 4 vectors"),
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
    keys = {f"TRAINER.{trainer.upper()}.{key}": value for key, value in changed.items()}
    with pytest.raises(ValueError, match=message):
        built(trainer, tmp_path, **keys)


@pytest.mark.parametrize(
    "trainer, changed",
    [
        ("CoOp", {"CSC": True, "CTX_INIT": ""}),
        ("CoOp", {"N_CTX": 16, "CTX_INIT": PUBLISHED}),  # as published scripts say
        ("CoOp", {"N_CTX": 5, "CTX_INIT": "one two three four five"}),
        ("IVLP", {"N_CTX_TEXT": 6, "CTX_INIT": PUBLISHED}),
        ("IVLP", {"N_CTX_VISION": 0, "PROMPT_DEPTH_VISION": 0}),  # published: language only
        ("VPT", {"PREC": "fp32"}),
    ],
)
def test_published_combinations_pass(trainer, changed, tmp_path):
    built(trainer, tmp_path, **{f"TRAINER.{trainer.upper()}.{k}": v for k, v in changed.items()})
