"""Features of templates."""

import pytest
import torch

from promptsrc.clip.precision import precision
from promptsrc.clip.zeroshot import template_features


@pytest.mark.parametrize("prec", ["fp16", "bf16"])
def test_a_cast_clip_gives_float32_features_too(tiny, prec):
    """A learner built for new classes from a classifier's CLIP feeds them to float32 parameters."""
    expected = template_features(tiny, ["cat", "dog"], "a photo of a {}.")
    precision(prec, "cpu", half_on_cpu=True).cast(tiny)
    found = template_features(tiny, ["cat", "dog"], "a photo of a {}.")
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=0.1, rtol=0)
