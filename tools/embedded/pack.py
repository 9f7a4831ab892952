"""Write the shipped weights: python -m tools.embedded.pack WORK

Reads WORK/clip.pt (pretrain) and writes promptsrc/weights/ViT-T-8.safetensors: half precision, OpenAI's keys, but of
the token embedding only the rows that pre-training used, with their token ids.
"""

import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

TARGET = Path("promptsrc/weights/ViT-T-8.safetensors")


def main(work: Path) -> None:
    checkpoint = torch.load(work / "clip.pt", weights_only=True)
    tensors, metadata = packed(**checkpoint)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    part = TARGET.with_suffix(".part")
    save_file(tensors, part, metadata)
    part.chmod(0o644)  # safetensors writes for the owner only
    os.replace(part, TARGET)
    print(
        f"{TARGET}: {TARGET.stat().st_size / 1e6:.2f} MB, {metadata['samples_seen']} samples seen"
    )


def packed(
    model: dict[str, Tensor], ids: Tensor, samples: int
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The file's tensors and metadata, from a model whose embedding row i belongs to token ids[i]."""
    tensors = {
        key: value.half().contiguous()
        for key, value in model.items()
        if key != "token_embedding.weight"
    }
    tensors["token_embedding.ids"] = ids.int()
    tensors["token_embedding.rows"] = model["token_embedding.weight"].half()
    metadata = {
        "name": "ViT-T/8",
        "input_resolution": "48",
        "samples_seen": str(samples),
        "seed": "0",
        "pretraining": "contrastive, on emoji and clip art, without the concepts of data/emoji; tools/embedded",
        "licence": "MIT; drawings it was trained on: see README.md beside this file",
    }
    return tensors, metadata


if __name__ == "__main__":
    main(Path(sys.argv[1]))
