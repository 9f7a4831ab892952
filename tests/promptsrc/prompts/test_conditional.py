"""A context that depends on the image, against its formula."""

import torch

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.prompts import ConditionalPrompts, ContextPrompts

NAMES = ["cat", "fire_truck", "very long haired dachshund"]


def test_every_image_has_class_features_of_its_own(tiny):
    torch.manual_seed(0)
    prompts = ConditionalPrompts(tiny, NAMES, 2)
    for parameter in prompts.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model = prompts.student(FrozenCLIP(tiny, precision("fp32", "cpu")))
    assert not model.classes_are_fixed
    encoded = model.encode(torch.randn(3, 3, 32, 32))
    assert encoded.text.shape == (3, 3, 64)
    weight1, bias1, weight2, bias2 = prompts.meta_net.parameters()
    for image, text, logits in zip(*encoded[:3], strict=True):
        shift = weight2 @ torch.relu(weight1 @ image + bias1) + bias2
        fixed = ContextPrompts(tiny, NAMES, 2)
        fixed.ctx.data.copy_(prompts.ctx + shift)
        expected = fixed.student(model.frozen).class_features()
        torch.testing.assert_close(text, expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(logits, tiny.logit_scale.exp() * text @ image, atol=1e-3, rtol=0)
