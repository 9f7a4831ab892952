"""Whose CLIP it is, by its keys: OpenAI's, open_clip's or Hugging Face's. We use OpenAI's keys."""

import re
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from promptsrc.weights import huggingface, openclip
from promptsrc.weights.stated import Stated, damaged, read_config

OPENAI_ONLY = "input_resolution"  # a size that only OpenAI's own state dicts hold
TOKENS = "token_embedding.weight"  # how the key of every CLIP's token table ends
DAMAGED = (LookupError, AttributeError, TypeError, ZeroDivisionError)
CUSTOM_TEXT = "text."  # before the names of the text tower, with open_clip's `custom_text`
# what people give instead, by a part of its keys
OTHERS = {
    r"prompt_learner\.": "prompts, not a CLIP; give it to --model-dir or promptsrc.load",
    r"\.lora_|base_model\.": "adapters beside the weights; merge them first (PEFT: "
    "merge_and_unload)",
    r"visual\.trunk\.": "an image tower of timm, which is not CLIP's",
    r"logit_bias$": "a SigLIP, not a CLIP",
    r"(^|\.)text\.transformer\.(embeddings|encoder)\.": "a text tower of another kind than CLIP's",
}


class Weights(NamedTuple):
    """A CLIP's tensors under OpenAI's keys, and what its config says."""

    state: dict[str, Tensor]
    stated: Stated = Stated()


def from_any_layout(state: dict[str, Tensor], file: Path) -> Weights:
    """Weights with OpenAI's, open_clip's or Hugging Face's keys.

    A config beside `file` is followed. Without one the activation is QuickGELU; a line says so,
    unless the file is OpenAI's own.

    Raises:
        ValueError: there is no CLIP or there are several; the config is damaged, or asks for
            something that is not supported.
    """
    state = _one_clip(state, file)
    theirs = any(key.startswith(huggingface.TEXT_KEY) for key in state)
    if theirs:
        state = huggingface.with_openai_keys(state)
    if OPENAI_ONLY in state:
        return Weights(state)
    stated = _stated_beside(file, theirs)
    if stated is None:
        print(
            f"{file} does not say its activation: QuickGELU is used, like OpenAI's; for GELU put "
            "the model's config beside it"
        )
    return Weights(state, stated or Stated())


def _one_clip(state: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    """The tensors of the CLIP, without what stands before their names (`module.`, `model.`)."""
    for part, what in OTHERS.items():
        if any(re.search(part, key) for key in state):
            raise ValueError(f"{file} holds {what}")
    ends = (huggingface.TEXT_KEY + "embeddings." + TOKENS, CUSTOM_TEXT + TOKENS, TOKENS)
    roots = set()
    for key in state:
        if end := next((end for end in ends if key.endswith(end)), ""):
            roots.add(key.removesuffix(end))
    if len(roots) != 1:
        what = f"{len(roots)} CLIPs ({', '.join(sorted(roots))})" if roots else "no CLIP"
        first = ", ".join(sorted(state)[:3])
        raise ValueError(
            f"{file} holds {what}: of its {len(state)} tensors, {TOKENS} must be one (the first "
            f"are {first}); save the CLIP's state dict alone"
        )
    (root,) = roots
    inside = {key.removeprefix(root): value for key, value in state.items() if key.startswith(root)}
    if outside := sorted(key for key in state if not key.startswith(root)):
        print(f"{file}: {len(outside)} tensors beside the CLIP are left out ({outside[0]}, ...)")
    return {key.removeprefix(CUSTOM_TEXT): value for key, value in inside.items()}


def _stated_beside(file: Path, theirs: bool) -> Stated | None:
    """What the config in the file's folder says; None if there is none of a CLIP.

    Args:
        theirs: the keys are Hugging Face's, so its config comes first, and must be a CLIP's.
    """
    paths = [file.with_name(openclip.CONFIG), file.with_name(huggingface.CONFIG)]
    for path in reversed(paths) if theirs else paths:
        config = read_config(path)
        try:
            if config is not None and path.name == openclip.CONFIG:
                return openclip.stated(config, str(path))
            if config is not None and (theirs or config.get("model_type") == "clip"):
                images = read_config(file.with_name(huggingface.IMAGES))
                return huggingface.stated(config, images, str(path))
        except DAMAGED as error:
            raise damaged(path, error) from None
    return None
