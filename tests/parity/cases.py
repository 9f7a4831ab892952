"""What a recording says: cases, their weights, images and configuration."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from runs.config import default_config
from tests import tiny_clip

GOLDENS, MORE, MORE2 = (
    Path(__file__).parents[1] / name for name in ("goldens", "goldens_more", "goldens_more2")
)
drawn = lru_cache(maxsize=2)(tiny_clip.tiny_clip_state_dict)  # weights of the latest cases
OURS = {  # trainers that have another name here, by the name in the recording
    "ADAPTER": "CLAP",
    "CLIP_Adapter": "CLIPAdapter",
    "LPPlusPlus": "LinearProbe",
    "TipAdapter": "TipAdapterF",  # its cases are fine-tuned, too
}


def load_cases(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """The cases of a folder, and the tolerances by precision."""
    spec = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    return spec["cases"], spec["tolerances_max_abs"]


def trainer_of(case: Mapping[str, Any]) -> str:
    """The name of our trainer for a case."""
    return OURS.get(case["trainer"], case["trainer"])


def config_of(case: Mapping[str, Any], output: Path) -> Any:
    """The configuration of the case, with its tiny weights instead of a download."""
    cfg = default_config()
    _assign(cfg, case["config"])
    state = drawn(case["clip"]["seed"], **case["clip"]["kwargs"])
    if tiny_clip.fingerprint(state) != case["clip"]["fingerprint"]:
        raise RuntimeError(
            "the weights drawn here are not those of the recording, so nothing can be compared"
        )
    weights = output / "weights.pt"
    torch.save(state, weights)
    cfg.MODEL.BACKBONE.NAME = str(weights)
    cfg.INPUT.SIZE = (case["clip"]["kwargs"]["image_resolution"],) * 2
    cfg.TRAINER.NAME = trainer_of(case)
    cfg.OUTPUT_DIR = str(output)
    cfg.USE_CUDA = False
    cfg.TEST.NO_TEST = True
    return cfg


def write_theirs(goldens: Path, name: str, folder: Path) -> tuple[Mapping[str, Any], int]:
    """Write the file that the reference wrote: what was learned, and random tensors for all else.

    Returns:
        the arrays of the recording, and the epoch of the file.
    """
    about, golden = load_cases(goldens)[0][name]["checkpoint"], np.load(goldens / f"{name}.npz")
    prefix, state = about.get("state_dict_prefix", ""), {}
    for key, shape in about["keys"].items():
        learned = f"param/final/{prefix}{key}"
        there = learned in golden.files
        state[key] = torch.from_numpy(golden[learned]) if there else torch.randn(shape)
    path, epoch = folder / about["folder"] / about["file"], about["epoch_value"]
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": state, "epoch": epoch, "optimizer": {}}, path)
    return golden, epoch


def _assign(node: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _assign(node[key], value)
        else:
            node[key] = value


def batches_of(case: Mapping[str, Any]) -> list[dict[str, Tensor]]:
    """The training batches of a case."""
    spec, size = case["train_images"], case["batch_size"]
    images = torch.from_numpy(tiny_clip.images(spec["seed"], spec["n"], spec["resolution"]))
    labels = torch.tensor(case["train_labels"]["values"])
    starts = range(0, case["num_batches"] * size, size)
    return [{"img": images[i : i + size], "label": labels[i : i + size]} for i in starts]


def eval_images_of(case: Mapping[str, Any]) -> Tensor:
    """The test images of a case (N, 3, R, R)."""
    spec = case["eval_images"]
    return torch.from_numpy(tiny_clip.images(spec["seed"], spec["n"], spec["resolution"]))
