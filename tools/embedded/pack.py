"""Make the weights small: python -m tools.embedded.pack WORK

Reads WORK/clip.pt, which pretrain writes. Writes WORK/clip.safetensors: half precision, OpenAI's
keys, but only those rows of the token embedding that pre-training used, with their token ids.
`--backbone WORK/clip.safetensors` takes it. Shipped weights are never replaced: prompts that were
trained with them would silently be wrong.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from promptsrc.files import replacing
from tools.embedded.command import work_folder


def main(work: Path) -> None:
    """Write the file."""
    checkpoint = torch.load(work / "clip.pt", weights_only=True)
    tensors, metadata = packed(**checkpoint)
    target = work / "clip.safetensors"
    with replacing(target) as part:
        save_file(tensors, part, metadata)
    megabytes = target.stat().st_size / 1e6
    print(f"{target}: {megabytes:.2f} MB, {metadata['samples_seen']} samples seen")


def packed(
    model: dict[str, Tensor], ids: Tensor, samples: int
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and metadata of the file; row i of the model's embedding is token ids[i]."""
    tensors = {
        key: value.to(torch.float16).contiguous()
        for key, value in model.items()
        if key != "token_embedding.weight"
    }
    tensors["token_embedding.ids"] = ids.int()
    tensors["token_embedding.rows"] = model["token_embedding.weight"].to(torch.float16)
    metadata = {
        "input_resolution": "48",
        "samples_seen": str(samples),
        "seed": "0",
        "licence": "MIT; for what it was trained on, see README.md in promptsrc/weights",
        "pretraining": "contrastive, without the images of the embedded datasets; tools/embedded",
    }
    return tensors, metadata


if __name__ == "__main__":
    main(work_folder(__doc__, "clip.pt"))
