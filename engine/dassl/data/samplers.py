"""Orders in which loaders visit their items."""

import copy
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import RandomSampler, Sampler, SequentialSampler


class RandomDomainSampler(Sampler):
    """Batches with equally many items of each of `n_domain` random domains; 0 means all."""

    def __init__(self, data_source: Sequence[Any], batch_size: int, n_domain: int):
        self.by_domain = _indices(data_source, "domain")
        self.domains = list(self.by_domain)
        self.n_domain = n_domain if n_domain > 0 else len(self.domains)
        if self.n_domain > len(self.domains):
            raise ValueError(
                f"N_DOMAIN is {n_domain}, but the data has {len(self.domains)} domains; 0 means all"
            )
        if batch_size < self.n_domain or batch_size % self.n_domain:
            raise ValueError(
                f"batch size {batch_size} is not a multiple of {self.n_domain} domains (N_DOMAIN)"
            )
        self.share = batch_size // self.n_domain
        self.length = sum(1 for _ in self)

    def __iter__(self) -> Iterator[int]:
        left = copy.deepcopy(self.by_domain)
        order: list[int] = []
        while True:
            chosen = random.sample(self.domains, self.n_domain)
            if any(len(left[domain]) < self.share for domain in chosen):
                return iter(order)
            for domain in chosen:
                batch = random.sample(left[domain], self.share)
                left[domain] = [i for i in left[domain] if i not in set(batch)]
                order += batch

    def __len__(self) -> int:
        return self.length


class SeqDomainSampler(RandomDomainSampler):
    """Batches with equally many items of every domain, in order."""

    def __init__(self, data_source: Sequence[Any], batch_size: int):
        super().__init__(data_source, batch_size, 0)

    def __iter__(self) -> Iterator[int]:
        rounds = min(len(items) for items in self.by_domain.values()) // self.share
        for turn in range(rounds):
            for domain in self.domains:
                yield from self.by_domain[domain][turn * self.share : (turn + 1) * self.share]


class RandomClassSampler(Sampler):
    """Groups of `n_ins` items of a class, batch_size // n_ins random classes in turn."""

    def __init__(self, data_source: Sequence[Any], batch_size: int, n_ins: int):
        if not 1 <= n_ins <= batch_size:
            raise ValueError(
                f"N_INS is {n_ins} items per class; it is at least 1, and at most the batch size, "
                f"{batch_size}"
            )
        self.n_ins, self.classes_per_batch = n_ins, batch_size // n_ins
        self.by_label = _indices(data_source, "label")
        self.length = sum(1 for _ in self)

    def __iter__(self) -> Iterator[int]:
        groups = {label: self._groups(items) for label, items in self.by_label.items()}
        order: list[int] = []
        while len(groups) >= self.classes_per_batch:
            for label in random.sample(list(groups), self.classes_per_batch):
                order += groups[label].pop()
                if not groups[label]:
                    del groups[label]
        return iter(order)

    def _groups(self, items: list[int]) -> list[list[int]]:
        """A class's items in random groups of `n_ins`; fewer than that are drawn repeatedly."""
        if len(items) < self.n_ins:
            items = np.random.choice(items, size=self.n_ins, replace=True).tolist()
        shuffled = random.sample(items, len(items))
        starts = range(0, len(items) - self.n_ins + 1, self.n_ins)
        return [shuffled[start : start + self.n_ins] for start in starts]

    def __len__(self) -> int:
        return self.length


def _indices(data_source: Sequence[Any], attribute: str) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for i, item in enumerate(data_source):
        groups[getattr(item, attribute)].append(i)
    return dict(groups)


def build_sampler(
    sampler_type: str,
    cfg: object = None,
    data_source: Sequence[Any] | None = None,
    batch_size: int = 32,
    n_domain: int = 0,
    n_ins: int = 16,
) -> Sampler:
    """The sampler of this name.

    Raises:
        ValueError: an unknown name, or a batch size that the sampler cannot divide.
    """
    items = data_source or []
    builders = {
        "RandomSampler": lambda: RandomSampler(items),
        "SequentialSampler": lambda: SequentialSampler(items),
        "RandomDomainSampler": lambda: RandomDomainSampler(items, batch_size, n_domain),
        "SeqDomainSampler": lambda: SeqDomainSampler(items, batch_size),
        "RandomClassSampler": lambda: RandomClassSampler(items, batch_size, n_ins),
    }
    if sampler_type not in builders:
        raise ValueError(
            f"sampler is {sampler_type!r}; choose one of {', '.join(builders)} "
            "(DATALOADER.<loader>.SAMPLER)"
        )
    return builders[sampler_type]()
