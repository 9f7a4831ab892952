from dassl.elsewhere import names_of
from dassl.modeling.backbone.backbone import Backbone
from dassl.modeling.backbone.build import BACKBONE_REGISTRY, build_backbone
from dassl.modeling.backbone.resnet import (
    resnet18,
    resnet18_ms_l1,
    resnet18_ms_l12,
    resnet18_ms_l123,
    resnet34,
    resnet50,
    resnet50_ms_l1,
    resnet50_ms_l12,
    resnet50_ms_l123,
    resnet101,
    resnet101_ms_l1,
    resnet101_ms_l12,
    resnet101_ms_l123,
    resnet152,
)

__all__ = [
    "BACKBONE_REGISTRY",
    "Backbone",
    "build_backbone",
    "resnet18",
    "resnet18_ms_l1",
    "resnet18_ms_l12",
    "resnet18_ms_l123",
    "resnet34",
    "resnet50",
    "resnet50_ms_l1",
    "resnet50_ms_l12",
    "resnet50_ms_l123",
    "resnet101",
    "resnet101_ms_l1",
    "resnet101_ms_l12",
    "resnet101_ms_l123",
    "resnet152",
]

__getattr__ = names_of(__name__)
