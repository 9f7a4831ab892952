"""What `dassl` gives for a seed: recorded on Dassl.pytorch 0.6.3, compared with ours in the tests.

    PYTHONPATH=DASSL_PYTORCH python tests/engine/observed.py > tests/engine/observed.json

Dassl.pytorch 0.6.3 needs PyTorch 2.5 or older, and NumPy below 1.24 for its AutoAugment.
"""

import json
import random
from types import SimpleNamespace

import numpy as np
import torch
from dassl.data.samplers import build_sampler


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


if __name__ == "__main__":
    print(json.dumps({"orders": orders()}))
