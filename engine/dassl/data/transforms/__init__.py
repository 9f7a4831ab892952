from dassl.data.transforms.transforms import (
    AVAI_CHOICES,
    INTERPOLATION_MODES,
    build_transform,
    normalisation,
)

__all__ = ["AVAI_CHOICES", "INTERPOLATION_MODES", "build_transform", "normalisation"]
