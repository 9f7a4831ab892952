"""CLIP-LoRA: low-rank updates of CLIP's attention (CVPRW 2024, arXiv 2405.18541).

The cross-entropy alone, in T = ITERS_PER_SHOT x NUM_SHOTS batches. One epoch has them all: pass
after pass over the images, the last batch of a pass may be smaller. The rate of batch t is
1e-6 + (lr - 1e-6) (1 + cos(pi t / T)) / 2.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from dassl.optim import build_optimizer
from torch import Tensor
from torch.utils.data import Sampler
from yacs.config import CfgNode

from promptsrc.checkpoint import load_prompts
from promptsrc.prompts.lora import LowRankUpdates, read_published
from trainers.base import PromptTrainer

LOWEST = 1e-6
THEIRS = "lora_weights.pt"


class Passes(Sampler[list[int]]):
    """`batches` batches of shuffled passes over images; a resumed epoch draws the same ones."""

    def __init__(self, images: int, size: int, batches: int):
        self.images, self.size, self.batches = images, size, batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
        each = math.ceil(self.images / self.size)
        for batch in range(self.batches):
            if batch % each == 0:
                parts = torch.randperm(self.images, generator=generator).split(self.size)
            yield parts[batch % each].tolist()


@TRAINER_REGISTRY.register()
class CLIPLoRA(PromptTrainer):
    node = "CLIP_LORA"
    registered_as = "lora"
    learner: Callable[..., LowRankUpdates] = LowRankUpdates
    prompts: LowRankUpdates

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: epochs or another order are asked for, or regulation, which counts epochs.
        """
        super().check_cfg(cfg)
        sampler, epochs = cfg.DATALOADER.TRAIN_X.SAMPLER, cfg.OPTIM.MAX_EPOCH
        if sampler != "RandomSampler" or epochs != 1 or cfg.REGULATION.ENABLED:
            raise ValueError(
                f"OPTIM.MAX_EPOCH is {epochs}, DATALOADER.TRAIN_X.SAMPLER {sampler!r}, "
                f"REGULATION.ENABLED {cfg.REGULATION.ENABLED}, but CLIPLoRA counts batches of "
                "shuffled passes; set 1, leave the others out, and set "
                "TRAINER.CLIP_LORA.ITERS_PER_SHOT"
            )

    def prompt_settings(self) -> dict[str, Any]:
        keys = ("ENCODER", "POSITION", "R", "ALPHA", "DROPOUT")
        settings = {key.lower(): self.settings[key] for key in keys}
        return settings | {"params": list(self.settings.PARAMS)}

    def optimizer_and_schedule(self) -> tuple[Any, Any]:
        return build_optimizer(self.prompts, self.cfg.OPTIM), None  # `step` sets the rates

    def before_train(self) -> None:
        """
        Raises:
            ValueError: there are no batches to train on.
        """
        shots, each = self.cfg.DATASET.NUM_SHOTS, self.settings.ITERS_PER_SHOT
        if not 0 < shots * each <= 10**8 or shots < 1:
            raise ValueError(
                f"DATASET.NUM_SHOTS is {shots}, TRAINER.CLIP_LORA.ITERS_PER_SHOT {each}; their "
                "product is the number of batches, from 1 to 100000000"
            )
        self.train_loader_x = self.passes(self.train_loader_x, shots * each)
        super().before_train()

    def passes(self, loader: Any, batches: int) -> Iterable[Any]:
        """The loader's images in that many batches."""
        return type(loader)(
            loader.dataset,
            batch_sampler=Passes(len(loader.dataset), loader.batch_size, batches),
            num_workers=loader.num_workers,
            pin_memory=loader.pin_memory,
            worker_init_fn=loader.worker_init_fn,
        )

    def step(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        cosine = math.cos(math.pi * self.batch_idx / self.num_batches)
        for group in self.optim.param_groups:
            group["lr"] = LOWEST + (self.cfg.OPTIM.LR - LOWEST) * (1 + cosine) / 2
        return super().step(images, labels)

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Also from a published run's `lora_weights.pt`."""
        file = Path(directory) / THEIRS
        if not directory or not file.is_file():
            return super().load_model(directory, epoch)
        print(f'Loading weights to {self.registered_as} from "{file}"')
        load_prompts(self.prompts, read_published(file, self.prompts), file)
