"""ResNets (arXiv 1512.03385) that end in their features: torchvision's, under Dassl's names.

`resnet18_ms_l12` has MixStyle (arXiv 2104.02008) after the groups of blocks layer1 and layer2.
Parameters are drawn in Dassl.pytorch's order, so that a seed gives the same network.
"""

import os
import pickle
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision import models
from torchvision.models.resnet import BasicBlock, Bottleneck

from dassl.elsewhere import names_of
from dassl.modeling.backbone.backbone import Backbone
from dassl.modeling.backbone.build import BACKBONE_REGISTRY
from dassl.modeling.ops import MixStyle
from dassl.utils.checks import one_of

__getattr__ = names_of(__name__)

BLOCKS = {  # kind, and number in each of the four groups
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}
GROUPS = ("layer1", "layer2", "layer3", "layer4")


class ResNet(models.ResNet, Backbone):
    """Images (B, 3, H, W) -> features (B, 512 or 2048).

    Args:
        ms_class: what follows the groups in `ms_layers`, such as MixStyle with its p and alpha.

    Raises:
        ValueError: one of `ms_layers` is not layer1, layer2 or layer3.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
        ms_class: Callable[..., Any] | None = None,
        ms_layers: Sequence[str] = (),
        ms_p: float = 0.5,
        ms_a: float = 0.1,
        **_: Any,
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's: the classifier is empty
            super().__init__(block, list(layers), num_classes=0)
        del self.fc
        self.global_avgpool = self._modules.pop("avgpool")
        self._out_features = 512 * block.expansion
        self.mixstyle = None
        self.ms_layers = [one_of("ms_layers", name, GROUPS[:3]) for name in ms_layers]
        if ms_class is not None and self.ms_layers:
            self.mixstyle = ms_class(p=ms_p, alpha=ms_a)
            print(f"Insert {ms_class.__name__} after {self.ms_layers}")

    def featuremaps(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 512 or 2048, H/32, W/32)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in GROUPS:
            x = getattr(self, name)(x)
            if self.mixstyle is not None and name in self.ms_layers:
                x = self.mixstyle(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.global_avgpool(self.featuremaps(x)).flatten(1)


def load_imagenet_weights(model: ResNet, name: str) -> None:
    """Load torchvision's first ImageNet weights, which Dassl.pytorch uses; a file once downloaded
    stays in torch.hub's folder.

    Raises:
        ConnectionError: they can't be downloaded, or the file is damaged.
    """
    weights = models.get_model_weights(name)["IMAGENET1K_V1"]
    try:
        state = weights.get_state_dict(check_hash=True, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        place = os.path.join(torch.hub.get_dir(), "checkpoints", os.path.basename(weights.url))
        raise ConnectionError(
            f"ImageNet weights of {name} can't be loaded ({str(error).splitlines()[0]}); fetch "
            f"{weights.url} elsewhere and place it at {place}, or set MODEL.BACKBONE.PRETRAINED "
            "False"
        ) from None
    model.load_state_dict({key: state[key] for key in model.state_dict()})


def _registered(name: str) -> Callable[..., ResNet]:
    """The builder of this name, registered; `name` is a ResNet, with `_ms_l` and its groups."""
    plain, _, groups = name.partition("_ms_l")

    def build(pretrained: bool = True, **kwargs: Any) -> ResNet:
        model = ResNet(*BLOCKS[plain], MixStyle, [f"layer{group}" for group in groups])
        if pretrained:
            load_imagenet_weights(model, plain)
        return model

    build.__name__ = build.__qualname__ = name
    return BACKBONE_REGISTRY.register(build)


resnet18 = _registered("resnet18")
resnet18_ms_l1 = _registered("resnet18_ms_l1")
resnet18_ms_l12 = _registered("resnet18_ms_l12")
resnet18_ms_l123 = _registered("resnet18_ms_l123")
resnet34 = _registered("resnet34")
resnet50 = _registered("resnet50")
resnet50_ms_l1 = _registered("resnet50_ms_l1")
resnet50_ms_l12 = _registered("resnet50_ms_l12")
resnet50_ms_l123 = _registered("resnet50_ms_l123")
resnet101 = _registered("resnet101")
resnet101_ms_l1 = _registered("resnet101_ms_l1")
resnet101_ms_l12 = _registered("resnet101_ms_l12")
resnet101_ms_l123 = _registered("resnet101_ms_l123")
resnet152 = _registered("resnet152")
