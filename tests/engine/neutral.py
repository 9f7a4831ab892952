"""A toy plug-in that needs nothing but Dassl's interface: it runs on ours and on Dassl.pytorch."""

import torch
from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum
from dassl.engine import TRAINER_REGISTRY, TrainerX, TrainerXU
from dassl.optim import build_lr_scheduler, build_optimizer
from PIL import Image
from torch import nn

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


@DATASET_REGISTRY.register()
class Neutral(DatasetBase):
    """Six images of each colour, in two domains."""

    domains = ("light", "dark")

    def __init__(self, cfg):
        items = []
        for label, (name, colour) in enumerate(COLOURS.items()):
            for i in range(6):
                path = f"{cfg.DATASET.ROOT}/{name}{i}.png"
                Image.new("RGB", (20, 16), tuple(c + i for c in colour)).save(path)
                items.append(Datum(path, label, i % 2, name))
        super().__init__(train_x=items, train_u=items[:8], val=items[::2], test=items)


class Linear:
    def build_model(self):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).to(self.device)
        optim = build_optimizer(self.model, self.cfg.OPTIM)
        self.register_model("linear", self.model, optim, build_lr_scheduler(optim, self.cfg.OPTIM))

    def forward_backward(self, *batches):
        images, labels, *_ = self.parse_batch_train(*batches)
        loss = nn.functional.cross_entropy(self.model(images), labels)
        self.model_backward_and_update(loss)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {"loss": loss.item()}


@TRAINER_REGISTRY.register()
class NeutralX(Linear, TrainerX): ...


@TRAINER_REGISTRY.register()
class NeutralXU(Linear, TrainerXU): ...


def config(folder, trainer="NeutralX", **keys):
    """Keys are written with two underscores: OPTIM__LR."""
    cfg = get_cfg_default()
    cfg.TRAINER.NAME, cfg.DATASET.NAME, cfg.USE_CUDA = trainer, "Neutral", False
    cfg.DATASET.ROOT = cfg.OUTPUT_DIR = str(folder)
    cfg.INPUT.SIZE, cfg.INPUT.TRANSFORMS = (8, 8), ("random_flip", "normalize")
    cfg.DATALOADER.NUM_WORKERS, cfg.DATALOADER.TRAIN_X.BATCH_SIZE = 0, 4
    cfg.OPTIM.NAME, cfg.OPTIM.LR, cfg.OPTIM.LR_SCHEDULER, cfg.OPTIM.MAX_EPOCH = (
        "sgd",
        0.01,
        "cosine",
        2,
    )
    for key, value in keys.items():
        cfg.merge_from_list([key.replace("__", "."), value])
    return cfg
