"""One frozen CLIP: built from weights, run through our own forward, shared by student and teacher."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from promptsrc.clip.chunks import encode_text_in_chunks
from promptsrc.clip.openai import CLIP, ResidualAttentionBlock
from promptsrc.clip.precision import Precision
from promptsrc.clip.text import TextRows
from promptsrc.clip.towers import encode_image
from promptsrc.weights.layouts import HEAD_WIDTH
from promptsrc.weights.names import read_weights

NO_WEIGHTS = (
    "input_resolution",
    "context_length",
    "vocab_size",
)  # sizes, stored among OpenAI's weights


def load_clip(name: str, device: torch.device | str = "cpu", cache: str = "") -> CLIP:
    """A frozen float32 CLIP from a backbone name or a file of weights (see `promptsrc.weights.names`)."""
    return build_clip(*read_weights(name, cache)).to(device)


def build_clip(state: dict[str, Tensor], quick_gelu: bool = True) -> CLIP:
    """The module that `clip` builds for these weights (OpenAI's keys), frozen, in evaluation mode.

    Args:
        quick_gelu: the activation of its MLPs is QuickGELU; else GELU.

    Raises:
        ValueError: keys are missing, or their shapes make no CLIP.
    """
    state = {key: value for key, value in state.items() if key not in NO_WEIGHTS}
    try:
        with torch.device("meta"):  # no time spent on random weights
            clip = CLIP(**_sizes(state))
        clip.load_state_dict(state, assign=True)
    except (
        LookupError,
        RuntimeError,
        ValueError,
        ArithmeticError,
        AssertionError,
    ) as error:  # by what the shapes are
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"these are no weights of a CLIP in OpenAI's, open_clip's or Hugging Face's layout: {reason}"
        ) from None
    for block in clip.transformer.resblocks:
        block.attn_mask = clip.build_attention_mask()
    if not quick_gelu:
        for block in (m for m in clip.modules() if isinstance(m, ResidualAttentionBlock)):
            block.mlp.gelu = nn.GELU()
    return clip.eval().requires_grad_(False)


def _sizes(state: dict[str, Tensor]) -> dict:
    """CLIP's constructor arguments, read off the shapes."""
    text_width = state["ln_final.weight"].shape[0]
    return _vision_sizes(state) | {
        "embed_dim": state["text_projection"].shape[1],
        "context_length": state["positional_embedding"].shape[0],
        "vocab_size": state["token_embedding.weight"].shape[0],
        "transformer_width": text_width,
        "transformer_heads": text_width // HEAD_WIDTH,
        "transformer_layers": _count(state, "transformer.resblocks.", 2),
    }


def _vision_sizes(state: dict[str, Tensor]) -> dict:
    if "visual.proj" not in state:
        grid = round((state["visual.attnpool.positional_embedding"].shape[0] - 1) ** 0.5)
        return {
            "vision_layers": tuple(_count(state, f"visual.layer{i}.", 2) for i in (1, 2, 3, 4)),
            "vision_width": state["visual.layer1.0.conv1.weight"].shape[0],
            "vision_patch_size": None,
            "image_resolution": grid * 32,
        }
    width, _, _, patch = state["visual.conv1.weight"].shape
    grid = round((state["visual.positional_embedding"].shape[0] - 1) ** 0.5)
    return {
        "vision_layers": _count(state, "visual.transformer.resblocks.", 3),
        "vision_width": width,
        "vision_patch_size": patch,
        "image_resolution": grid * patch,
    }


def _count(state: dict[str, Tensor], prefix: str, part: int) -> int:
    """How many modules are numbered behind `prefix`."""
    return len({key.split(".")[part] for key in state if key.startswith(prefix)})


class FrozenCLIP:
    """A CLIP in the precision of a run. Features come out as the towers make them, not normalised.

    It is no `nn.Module` on purpose: frozen weights are neither registered, nor averaged or saved.

    Args:
        texts_at_once: at most so many texts are encoded at a time (see `promptsrc.clip.chunks`); 0: as many as the memory allows.

    Raises:
        ValueError: `texts_at_once` is negative.
    """

    def __init__(self, clip: CLIP, precision: Precision, texts_at_once: int = 0):
        if texts_at_once < 0:
            raise ValueError(
                f"TEXTS_AT_ONCE is {texts_at_once}; give a number above 0, or 0 for what the memory allows"
            )
        self.clip = clip
        self.precision = precision
        self.texts_at_once = texts_at_once

    def cast(self) -> None:
        """To the precision of the run, in place; what must be float32 (the teacher's class features) comes before."""
        self.precision.cast(self.clip)

    @property
    def resolution(self) -> int:
        """Width and height of the images it takes, in pixels."""
        return self.clip.visual.input_resolution

    def encode_text(self, rows: TextRows, prompts: Sequence[Tensor] = ()) -> Tensor:
        """(C, D); see `towers.encode_text`."""
        with self.precision.autocast():
            return encode_text_in_chunks(self.clip, rows, prompts, self.texts_at_once)

    def encode_image(self, images: Tensor, prompts: Sequence[Tensor] = ()) -> Tensor:
        """(B, D); see `towers.encode_image`."""
        with self.precision.autocast():
            return encode_image(self.clip, images, prompts)

    def logits(self, image: Tensor, text: Tensor) -> Tensor:
        """exp(logit_scale) image . text^T of unit features: (B, D), (C, D) -> (B, C)."""
        return self.clip.logit_scale.exp() * image @ text.t()
