from typing import Any

from torch import nn


class Backbone(nn.Module):
    """Images -> features (B, out_features); a subclass sets `_out_features`."""

    _out_features: int

    @property
    def out_features(self) -> Any:
        """Size of a feature vector; None if the subclass did not set it."""
        return getattr(self, "_out_features", None)
