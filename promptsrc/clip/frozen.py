"""One frozen CLIP: built from weights, run by our own forward, shared by student and teacher."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from promptsrc.clip import towers
from promptsrc.clip.chunks import encode_text_in_chunks
from promptsrc.clip.openai import CLIP, ResidualAttentionBlock
from promptsrc.clip.precision import Precision
from promptsrc.clip.text import Texts
from promptsrc.clip.tokens import tokenizer
from promptsrc.clip.vectors import NO_VECTORS, Vectors
from promptsrc.weights.names import read_weights
from promptsrc.weights.stated import HEAD_WIDTH, Stated

# sizes, stored among OpenAI's weights
NO_WEIGHTS = ("input_resolution", "context_length", "vocab_size")
OPENAIS = Stated()
MOST_BLOCKS = 200  # of a tower; the largest CLIPs have 64
# what weights of other shapes than a CLIP's can raise
NO_CLIP = (LookupError, RuntimeError, ValueError, ArithmeticError, AssertionError)
# what CLIP's constructor computes: scaled random values, and a mask
VALUES = {"div", "kaiming_uniform_", "mul", "normal_", "triu_", "uniform_"}


def load_clip(name: str, device: torch.device | str = "cpu", cache: str = "") -> CLIP:
    """A frozen float32 CLIP, by name, file or folder (see `promptsrc.weights.names`).

    Raises:
        ValueError: see `read_weights` and `build_clip`.
        ConnectionError: the download failed or came damaged.
    """
    weights = read_weights(name, cache)
    try:
        return build_clip(*weights).to(device)
    except ValueError as error:
        raise ValueError(f"backbone {name}: {error}") from None


def build_clip(state: dict[str, Tensor], stated: Stated = OPENAIS) -> CLIP:
    """The module that `clip` builds for these weights (OpenAI's keys), frozen, in evaluation mode.

    Its `images` are the stated arguments of `promptsrc.inference.images.Preprocessing`, if any.

    Args:
        stated: what the weights' config says.

    Raises:
        ValueError: keys are missing, the shapes are not a CLIP's or not those of the config, or
            the tokens are not of CLIP's vocabulary.
    """
    state = {key: value for key, value in state.items() if key not in NO_WEIGHTS}
    try:
        sizes = _sizes(state)
        with torch.device("meta"), _ShapesAlone():  # no time spent on random weights
            clip = CLIP(**sizes)
        clip.load_state_dict(state, assign=True)
    except NO_CLIP as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            "these weights are not a CLIP's in OpenAI's, open_clip's or Hugging Face's layout: "
            f"{reason}"
        ) from None
    stated.check(sizes)
    if sizes["vocab_size"] != len(tokenizer.encoder):
        raise ValueError(
            f"{sizes['vocab_size']} tokens have embeddings, but CLIP's vocabulary is "
            f"{len(tokenizer.encoder)}; weights with another tokenizer are not supported"
        )
    clip.images = dict(stated.images)
    for block in clip.transformer.resblocks:
        block.attn_mask = clip.build_attention_mask()
    if not stated.quick_gelu:
        for block in (m for m in clip.modules() if isinstance(m, ResidualAttentionBlock)):
            block.mlp.gelu = nn.GELU()
    return clip.eval().requires_grad_(False)


class _ShapesAlone(TorchFunctionMode):
    """On the meta device, leaves out what CLIP computes of its random weights.

    It would import PyTorch's compiler, which takes two seconds.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in VALUES:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


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
    """How many modules are numbered after `prefix`."""
    count = len({key.split(".")[part] for key in state if key.startswith(prefix)})
    if count > MOST_BLOCKS:
        raise ValueError(f"{prefix} has {count} blocks, more than {MOST_BLOCKS}")
    return count


class Towers(Protocol):
    """A forward pass: `promptsrc.clip.towers`, or `promptsrc.clip.plain` without shortcuts."""

    def encode_text(self, clip: CLIP, texts: Texts, prompts: Vectors) -> Tensor: ...

    def encode_image(self, clip: CLIP, images: Tensor, prompts: Vectors) -> Tensor: ...

    def text_tokens(
        self, clip: CLIP, texts: Texts, prompts: Vectors, positions: Tensor | None
    ) -> Tensor: ...

    def image_tokens(
        self, clip: CLIP, images: Tensor, prompts: Vectors, read: towers.Positions
    ) -> Tensor: ...


class FrozenCLIP:
    """A CLIP in the precision of a run. Features are as the towers give them, not normalised.

    It is not an `nn.Module` on purpose: frozen weights are never registered, averaged or saved.

    Args:
        texts_at_once: how many texts are encoded at a time (see `promptsrc.clip.chunks`); 0: as
            many as memory allows.
        forward: the towers' forward pass; `plain` for a method that changes a block, which
            encodes all texts at once.

    Raises:
        ValueError: `texts_at_once` is negative.
    """

    def __init__(
        self, clip: CLIP, precision: Precision, texts_at_once: int = 0, forward: Towers = towers
    ):
        if texts_at_once < 0:
            raise ValueError(
                f"MODEL.TEXTS_AT_ONCE is {texts_at_once}; give a number above 0, or 0 for as many "
                "as memory allows"
            )
        self.clip = clip
        self.precision = precision
        self.texts_at_once = texts_at_once
        self.forward = forward

    def cast(self) -> None:
        """Cast to the precision of the run, in place; compute what needs float32 before this."""
        self.precision.cast(self.clip)

    @property
    def resolution(self) -> int:
        """Width and height of the images it takes, in pixels."""
        return self.clip.visual.input_resolution

    def encode_text(self, texts: Texts, prompts: Vectors = NO_VECTORS) -> Tensor:
        """(C, D); see `towers.text_tokens`."""
        with self.precision.autocast():
            if self.forward is towers:
                return encode_text_in_chunks(self.clip, texts, prompts, self.texts_at_once)
            return self.forward.encode_text(self.clip, texts, prompts)

    def encode_image(self, images: Tensor, prompts: Vectors = NO_VECTORS) -> Tensor:
        """(B, D); see `towers.image_tokens`."""
        with self.precision.autocast():
            return self.forward.encode_image(self.clip, images, prompts)

    def text_tokens(self, texts: Texts, prompts: Vectors, positions: Tensor) -> Tensor:
        """(C, k, W): the tokens at `positions` (C, k); see `towers.text_tokens`."""
        with self.precision.autocast():
            return self.forward.text_tokens(self.clip, texts, prompts, positions)

    def image_tokens(self, images: Tensor, prompts: Vectors, read: towers.Positions) -> Tensor:
        """(B, k, W): the tokens at the positions `read`; see `towers.image_tokens`."""
        with self.precision.autocast():
            return self.forward.image_tokens(self.clip, images, prompts, read)

    def logits(self, image: Tensor, text: Tensor) -> Tensor:
        """exp(logit_scale) image . text^T of unit features: (B, D), (C, D) -> (B, C)."""
        return self.clip.logit_scale.exp() * image @ text.t()
