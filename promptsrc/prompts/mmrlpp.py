"""MMRL with fewer parameters, and tokens that keep a part of what they were (MMRL++, arXiv
2505.10088).

F_j(R) = R (W + A_j B_j)^T + b_j       W of all blocks of a tower, A_j B_j of rank k
x = beta F_j(R) + (1 - beta) x         x: the tokens, from the second listed block on
W_r = W_clip + A B                     of rank p
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promptsrc.clip.openai import CLIP
from promptsrc.clip.vectors import Tokens
from promptsrc.prompts.mmrl import MOST, RepresentationTokens


class ComposedTokens(RepresentationTokens):
    """R, the F_j, and A and B.

    Args:
        beta: share of the new tokens.
        rank, proj_rank: k and p.

    Raises:
        ValueError: as of MMRL, or a rank or beta out of range.
    """

    aligned = "srra_r2vproj", "srra_r2tproj"

    def __init__(
        self,
        clip: CLIP,
        classnames: Sequence[str],
        beta: float,
        rank: int,
        proj_rank: int,
        **settings: Any,
    ):
        if not (0 < rank <= MOST and 0 < proj_rank <= MOST and 0 <= beta <= 1):
            raise ValueError(
                f"RES_LORA_DIM is {rank}, PROJ_LORA_DIM {proj_rank}, BETA {beta}; take 1 to {MOST} "
                "for the first two, and 0 to 1"
            )
        self.beta, self.rank, self.proj_rank = beta, rank, proj_rank
        super().__init__(clip, classnames, **settings)

    def add_projection(self, width: int, features: int) -> None:
        self.image_encoder.update(low_rank(width, features, self.proj_rank))

    def projection(self, W: Tensor) -> Tensor:
        return W + self.image_encoder["A"] @ self.image_encoder["B"]

    def aligners(self, start: nn.Linear) -> nn.Module:
        return ResidualAligners(start, len(self.blocks), self.rank)

    def joining(self, aligned: str) -> dict[int, Tokens]:
        first, *later = super().joining(aligned).items()
        return dict([first, *((i, x._replace(beta=self.beta)) for i, x in later)])


class ResidualAligners(nn.Module):
    """`weight` W, and `srra.<j>` with A_j, B_j and b_j."""

    def __init__(self, start: nn.Linear, blocks: int, rank: int):
        super().__init__()
        self.weight = start.weight
        out, dim = start.weight.shape
        self.srra: Any = nn.ModuleList(
            nn.ParameterDict({**low_rank(out, dim, rank), "bias": start.bias.detach().clone()})
            for _ in range(blocks)
        )

    def forward(self, R: Tensor) -> list[Tensor]:
        W = self.weight
        return [F.linear(R, W + own["A"] @ own["B"], own["bias"]) for own in self.srra]


def low_rank(rows: int, columns: int, rank: int) -> dict[str, Tensor]:
    """A (rows, rank) ~ U(-1, 1) / sqrt(rank), and B (rank, columns) = 0."""
    return {
        "A": (2 * torch.rand(rows, rank) - 1) * rank**-0.5,
        "B": torch.zeros(rank, columns),
    }
