"""What `dassl` gives for a seed: recorded on Dassl.pytorch 0.6.3, compared with ours in the tests.

    PYTHONPATH=DASSL_PYTORCH python tests/engine/observed.py > tests/engine/observed.json

Dassl.pytorch 0.6.3 needs PyTorch 2.5 or older, and `np.int` for its AutoAugment (NumPy below 1.24).
"""

import json
import random
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import torch
from dassl.config import get_cfg_default
from dassl.data import DatasetWrapper
from dassl.data.datasets import Datum
from dassl.data.samplers import build_sampler
from dassl.data.transforms import build_transform
from dassl.optim import build_lr_scheduler, build_optimizer
from PIL import Image


def seed(value):
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)


SAMPLERS = {
    "random": ("RandomSampler", {}),
    "all domains": ("RandomDomainSampler", {"batch_size": 6, "n_domain": 0}),
    "no number of domains": ("RandomDomainSampler", {"batch_size": 3, "n_domain": None}),
    "two domains": ("RandomDomainSampler", {"batch_size": 4, "n_domain": 2}),
    "one domain": ("RandomDomainSampler", {"batch_size": 5, "n_domain": 1}),
    "domains in order": ("SeqDomainSampler", {"batch_size": 6}),
    "two of a class": ("RandomClassSampler", {"batch_size": 4, "n_ins": 2}),
    "three of a class": ("RandomClassSampler", {"batch_size": 7, "n_ins": 3}),
    "more than a class has": ("RandomClassSampler", {"batch_size": 18, "n_ins": 9}),
}


def orders():
    """Name -> `len`, and the order of two epochs of 40 items in 3 domains and 5 classes."""
    draw = random.Random(3)
    items = [SimpleNamespace(domain=draw.choice("bac"), label=draw.randrange(5)) for _ in range(40)]
    seen = {}
    for name, (kind, settings) in SAMPLERS.items():
        seed(7)
        sampler = build_sampler(kind, data_source=items, **settings)
        seen[name] = [len(sampler), *([int(i) for i in sampler] for _ in range(2))]
    return seen


def picture(height=60, width=50):
    """Smooth colours and noise."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(-30, 30, (height, width, 3))
    colours = np.stack([4 * y, 5 * x, 128 + 2 * (x - y)], axis=2)
    return Image.fromarray((colours + noise).clip(0, 255).astype(np.uint8))


def number(image):
    """One number that changes with each pixel of a tensor."""
    values = image.double().flatten()
    return round(float(values @ torch.linspace(0, 1, len(values)).double()), 5)


TRANSFORMS = {
    "nothing": ("", {}),
    "flip": ("random_flip", {}),
    "resized crop": ("random_resized_crop", {"INTERPOLATION": "bicubic"}),
    "padded crop": ("random_crop", {}),
    "translation": ("random_translation", {"INTERPOLATION": "bicubic"}),
    "ImageNet's policy": ("imagenet_policy", {}),
    "CIFAR-10's policy": ("cifar10_policy", {}),
    "SVHN's policy": ("svhn_policy", {}),
    "RandAugment": ("randaugment", {}),
    "strong RandAugment": ("randaugment", {"RANDAUGMENT_N": 3, "RANDAUGMENT_M": 27}),
    "RandAugment2": ("randaugment2", {}),
    "FixMatch": ("random_flip randaugment_fixmatch normalize cutout", {}),
    "colours": ("colorjitter", {}),
    "grey": ("randomgrayscale", {"RGS_P": 0.5}),
    "blur": ("gaussian_blur", {}),
    "cutout": ("cutout", {"CUTOUT_N": 2, "CUTOUT_LEN": 7}),
    "noise": ("gaussian_noise", {"GN_MEAN": 0.1}),
    "instance norm": ("instance_norm", {"INTERPOLATION": "nearest"}),
    "crops": ("random_crop random_translation random_resized_crop normalize", {}),
}


def images(name):
    """Eight training images and a test image, as numbers."""
    choices, settings = TRANSFORMS[name]
    cfg, image = get_cfg_default(), picture()
    cfg.INPUT.SIZE = (32, 28)
    for key, value in settings.items():
        cfg.INPUT[key] = value
    train = build_transform(cfg, choices=choices.split())
    test = build_transform(cfg, is_train=False, choices=choices.split())
    seed(5)
    return [*(number(train(image)) for _ in range(8)), number(test(image))]


def views():
    """An image's views by key, as numbers: K_TRANSFORMS 1 and 2, with one transform and two."""
    cfg, seen = get_cfg_default(), []
    cfg.INPUT.SIZE, cfg.DATALOADER.RETURN_IMG0 = (32, 28), True
    cfg.INPUT.TRANSFORMS = ("random_resized_crop", "random_flip", "normalize")
    weak, strong = build_transform(cfg), build_transform(cfg, choices=["randaugment_fixmatch"])
    with TemporaryDirectory() as folder:
        path = Path(folder, "picture.png")
        picture().save(path)
        for k, transform in ((1, weak), (2, weak), (1, [weak, strong]), (2, [weak, strong])):
            cfg.DATALOADER.K_TRANSFORMS = k
            seed(9)
            item = DatasetWrapper(cfg, [Datum(str(path))], transform, is_train=True)[0]
            images = {key: item[key] for key in ("img", "img2", "img0") if key in item}
            seen.append(
                {
                    key: number(torch.stack(image) if isinstance(image, list) else image)
                    for key, image in images.items()
                }
            )
    return seen


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh())
        self.head = torch.nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.body(x))


OPTIMIZERS = {
    f"{name}{' staged' * staged}": {"NAME": name, "WEIGHT_DECAY": decay, "STAGED_LR": staged}
    for name in ("adam", "amsgrad", "sgd", "rmsprop", "radam", "adamw")
    for staged, decay in ((False, 5e-4), (True, 0.1))
} | {"nesterov": {"NAME": "sgd", "SGD_NESTEROV": True}}


def descent(name):
    """Loss and parameters, as numbers, after each third of twelve steps."""
    cfg = get_cfg_default().OPTIM
    cfg.LR, cfg.NEW_LAYERS = 0.05, ("head",)
    for key, value in OPTIMIZERS[name].items():
        cfg[key] = value
    seed(2)
    model, images = Net(), torch.randn(7, 5)
    optimizer, seen = build_optimizer(model, cfg), []
    for step in range(12):
        optimizer.zero_grad()
        loss = model(images).square().mean()
        loss.backward()
        optimizer.step()
        if step % 4 == 3:
            weights = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
            seen += [round(loss.item(), 7), number(weights)]
    return seen


SCHEDULES = {
    f"{name} {steps or ''} {warmup or ''}{' no recount' * (not recount)}": {
        "LR_SCHEDULER": name,
        "STEPSIZE": steps or (-1,),
        "WARMUP_EPOCH": 3 if warmup else -1,
        "WARMUP_TYPE": warmup or "linear",
        "WARMUP_RECOUNT": recount,
    }
    for name, steps in (
        ("single_step", (2,)),
        ("single_step", ()),
        ("multi_step", (2, 5)),
        ("cosine", ()),
    )
    for warmup, recount in (
        ("", True),
        ("constant", True),
        ("constant", False),
        ("linear", True),
        ("linear", False),
    )
}


def rates(name):
    """The learning rates of two groups in each of 8 epochs."""
    cfg = get_cfg_default().OPTIM
    cfg.NAME, cfg.LR, cfg.MAX_EPOCH = "sgd", 0.0025, 8
    for key, value in SCHEDULES[name].items():
        cfg[key] = value
    one, two = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimizer = build_optimizer([], cfg, [{"params": [one]}, {"params": [two], "lr": 0.1}])
    schedule, seen = build_lr_scheduler(optimizer, cfg), []
    for _ in range(8):
        seen += [round(group["lr"], 12) for group in optimizer.param_groups]
        optimizer.step()
        schedule.step()
    return seen


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):
        recorded = {
            "orders": orders(),
            "images": {name: images(name) for name in TRANSFORMS},
            "views": views(),
            "descents": {name: descent(name) for name in OPTIMIZERS},
            "rates": {name: rates(name) for name in SCHEDULES},
        }
    print(json.dumps(recorded))
