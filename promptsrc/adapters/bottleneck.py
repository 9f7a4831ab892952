"""A bottleneck on image features (CLIP-Adapter, arXiv 2110.04544, section 3.2).

f' = r A(f) + (1 - r) f,  A(f) = ReLU(W_2 ReLU(W_1 f)),  f not normalised;  logits from f'
"""

from collections.abc import Sequence

from torch import Tensor, nn

from promptsrc.adapters.adapter import Adapter
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import Texts, embed
from promptsrc.clip.tokens import readable
from promptsrc.model import Encoded


class BottleneckAdapter(Adapter):
    """`fc`: W_1 (D / reduction, D) and W_2 (D, D / reduction), for any classes.

    Args:
        template: of the class texts; `{}` stands for the name.
        ratio: r, from 0 (plain CLIP) to 1.
        reduction: how many times narrower the bottleneck is than the features.

    Raises:
        ValueError: no ratio, or no width is left.
    """

    def __init__(
        self, clip: CLIP, classnames: Sequence[str], template: str, ratio: float, reduction: int
    ):
        super().__init__(classnames)
        width = clip.text_projection.shape[1]
        if not 0 <= ratio <= 1:
            raise ValueError(f"RATIO is {ratio}; it must be from 0 to 1")
        if not 1 <= reduction <= width:
            raise ValueError(f"REDUCTION is {reduction}; it must be from 1 to {width}")
        self.template, self.ratio = template, ratio
        self.fc = nn.Sequential(
            nn.Linear(width, width // reduction, bias=False),
            nn.ReLU(),
            nn.Linear(width // reduction, width, bias=False),
            nn.ReLU(),
        )

    def texts(self, clip: CLIP) -> Texts:
        return embed(clip, [self.template.replace("{}", readable(n)) for n in self.classnames])

    def encode(self, frozen: FrozenCLIP, f: Tensor, g: Tensor) -> Encoded:
        return super().encode(frozen, self.ratio * self.fc(f) + (1 - self.ratio) * f, g)
