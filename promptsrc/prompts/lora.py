"""Low-rank updates of the attention of both towers (CLIP-LoRA, arXiv 2405.18541).

y = W x + b + s B A drop(x)          A (r, in), B (out, r), s = alpha / sqrt(r)

for queries, keys, values and outputs, whichever are listed. Nothing is dropped in a test.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from promptsrc.clip.openai import CLIP
from promptsrc.clip.vectors import LowRank, Update, Vectors
from promptsrc.command import one_line
from promptsrc.prompts.learner import PromptLearner, add_parameters, image_tower

MAPS = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "proj"}
HALVES_OF_24 = {"half-bottom": range(12), "half-up": range(12, 24)}  # ViT-L/14's image tower
POSITIONS = {  # blocks
    "all": range(100),
    "bottom": range(4),
    "mid": range(4, 8),
    "up": range(8, 12),
    "half-bottom": range(6),
    "half-up": range(6, 12),
    "top3": range(9, 12),
}


class LowRankUpdates(PromptLearner):
    """A and B: `[visual.]transformer.resblocks.<i>.attn.<map>.w_lora_{A,B}`.

    Args:
        encoder: both towers, text or vision.
        position: which blocks.
        params: which maps, of q, k, v and o.
        r, alpha, dropout: the rank, the scale, and the share of inputs that are dropped.

    Raises:
        ValueError: one of them is not allowed, or a ResNet backbone.
    """

    def __init__(
        self,
        clip: CLIP,
        classnames: Sequence[str],
        encoder: str,
        position: str,
        params: Sequence[str],
        r: int,
        alpha: float,
        dropout: float,
    ):
        super().__init__(classnames)
        if encoder not in ("both", "text", "vision") or position not in POSITIONS:
            raise ValueError(
                f"ENCODER is {encoder!r}, POSITION {position!r}; choose one of both, text, vision, "
                f"and of {', '.join(POSITIONS)}"
            )
        if not params or not {*params} <= {*MAPS}:
            raise ValueError(f"PARAMS is {[*params]}; list some of {', '.join(MAPS)}")
        if not (0 < r <= 1000 and 0 < alpha <= 1000 and 0 <= dropout < 1):
            raise ValueError(
                f"R is {r}, ALPHA {alpha}, DROPOUT {dropout}; take 1 to 1000, above 0 to 1000, and "
                "0 or more, below 1"
            )
        self.maps, self.scale, self.dropout = [*params], alpha / r**0.5, dropout
        self.text_blocks = self.image_blocks = range(0)
        if encoder != "vision":
            width = clip.ln_final.weight.shape[0]
            self.text_blocks = chosen(position, clip.transformer.layers)
            self._add("transformer", self.text_blocks, width, r)
        if encoder != "text":
            width, blocks = image_tower(clip)
            self.image_blocks = chosen(position, blocks)
            self._add("visual.transformer", self.image_blocks, width, r)

    def _add(self, tower: str, blocks: range, width: int, r: int) -> None:
        for path in (f"{path_of(tower, i)}.{MAPS[name]}" for i in blocks for name in self.maps):
            A = (2 * torch.rand(r, width) - 1) * width**-0.5
            values = {f"{path}.w_lora_A": A, f"{path}.w_lora_B": torch.zeros(width, r)}
            add_parameters(self, values.keys(), map(nn.Parameter, values.values()))

    @property
    def text(self) -> Vectors:
        return {i: self._update(path_of("transformer", i)) for i in self.text_blocks}

    @property
    def image(self) -> Vectors:
        return {i: self._update(path_of("visual.transformer", i)) for i in self.image_blocks}

    def _update(self, path: str) -> Update:
        dropout = self.dropout if self.training else 0.0
        lows = {}
        for name in self.maps:
            A, B = (self.get_parameter(f"{path}.{MAPS[name]}.w_lora_{x}") for x in "AB")
            lows[name] = LowRank(A, B, self.scale, dropout)
        return Update(**lows)


def read_published(path: Path, prompts: LowRankUpdates) -> dict[str, Tensor]:
    """The state dict in a `lora_weights.pt`, whose layers are numbered, those of texts first.

    Raises:
        ValueError: it is damaged, or has other layers.
    """
    try:
        layers = list(torch.load(path, map_location="cpu", weights_only=True)["weights"].values())
        places = [path_of("transformer", i) for i in prompts.text_blocks]
        places += [path_of("visual.transformer", i) for i in prompts.image_blocks]
        return {
            f"{place}.{name}.{key}": tensor
            for place, maps in zip(places, layers, strict=True)
            for name, low in maps.items()
            for key, tensor in low.items()
        }
    except Exception as error:  # damaged bytes raise any
        raise ValueError(f"{path} does not fit these updates ({one_line(error)[:200]})") from None


def path_of(tower: str, block: int) -> str:
    return f"{tower}.resblocks.{block}.attn"


def chosen(position: str, blocks: int) -> range:
    """Those of a tower's blocks.

    Raises:
        ValueError: it has none of them.
    """
    listed = HALVES_OF_24.get(position) if blocks == 24 else None
    found = [i for i in listed or POSITIONS[position] if i < blocks]
    if not found:
        raise ValueError(f"POSITION is {position!r}, but a tower has {blocks} blocks; take all")
    return range(found[0], found[-1] + 1)
