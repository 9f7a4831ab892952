"""`features.npz` of a test: what both towers made of it, for probes and t-SNE.

    images (N, D)      features of unit length
    classes (C, D)     likewise; not there where each image has class features of its own (CoCoOp)
    logits (N, C)  labels (N,)  paths (N,)  classnames (C,)

`numpy.load` reads it; it holds no pickles.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from promptsrc.files import replacing

if TYPE_CHECKING:
    from trainers.base import CLIPTrainer

NAME = "features.npz"


class Features:
    """Collects them, batch by batch."""

    def __init__(self, trainer: "CLIPTrainer"):
        self.trainer = trainer
        self._images: list[Tensor] = []
        self._logits: list[Tensor] = []
        self._labels: list[Tensor] = []
        self._paths: list[str] = []
        self._classes: Tensor | None = None

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Of the batch that the trainer has taken last."""
        encoded = self.trainer.model.encode(self.trainer.tested_images)
        self._images.append(encoded.image.float().cpu())
        self._logits.append(logits.float().cpu())
        self._labels.append(labels.cpu())
        self._paths += self.trainer.tested_paths
        if encoded.text.dim() == 2:
            self._classes = encoded.text

    def write(self, folder: Path) -> None:
        """Write the file, whole.

        Raises:
            OSError: it can't be written.
        """
        found: dict[str, Any] = {
            "images": torch.cat(self._images).numpy(),
            "logits": torch.cat(self._logits).numpy(),
            "labels": torch.cat(self._labels).numpy(),
            "paths": np.array(self._paths, dtype=str),
            "classnames": np.array(self.trainer.classnames, dtype=str),
        }
        if self._classes is not None:
            found["classes"] = self._classes.float().cpu().numpy()
        with replacing(folder / NAME) as part:
            np.savez(part, **found)
