from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from dassl.modeling.head.build import HEAD_REGISTRY
from dassl.utils.checks import one_of

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}


class MLP(nn.Module):
    """Features (B, in_features) -> (B, out_features): linear, norm, activation, dropout a layer.

    Raises:
        ValueError: no hidden layers, or an unknown activation.
    """

    def __init__(
        self,
        in_features: int = 2048,
        hidden_layers: int | Sequence[int] = (),
        activation: str = "relu",
        bn: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__()
        sizes = [hidden_layers] if isinstance(hidden_layers, int) else list(hidden_layers)
        if not sizes:
            raise ValueError("an MLP needs hidden layers: MODEL.HEAD.HIDDEN_LAYERS such as (512,)")
        activate = ACTIVATIONS[one_of("MODEL.HEAD.ACTIVATION", activation, ACTIVATIONS)]
        layers: list[nn.Module] = []
        for before, size in zip([in_features, *sizes], sizes, strict=False):
            layers.append(nn.Linear(before, size))
            layers += [nn.BatchNorm1d(size)] if bn else []
            layers.append(activate(inplace=True))
            layers += [nn.Dropout(dropout)] if dropout > 0 else []
        self.mlp = nn.Sequential(*layers)
        self.out_features = sizes[-1]

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


@HEAD_REGISTRY.register()
def mlp(**kwargs: Any) -> MLP:
    return MLP(**kwargs)
