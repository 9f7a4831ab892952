"""CNN backbones and heads by name, for trainers that do not bring a network of their own."""

from dassl.elsewhere import names_of
from dassl.modeling.backbone import BACKBONE_REGISTRY, Backbone, build_backbone
from dassl.modeling.head import HEAD_REGISTRY, build_head

__all__ = ["BACKBONE_REGISTRY", "HEAD_REGISTRY", "Backbone", "build_backbone", "build_head"]

__getattr__ = names_of(__name__)
