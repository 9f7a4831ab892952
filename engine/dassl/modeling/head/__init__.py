from dassl.modeling.head.build import HEAD_REGISTRY, build_head
from dassl.modeling.head.mlp import mlp

__all__ = ["HEAD_REGISTRY", "build_head", "mlp"]
