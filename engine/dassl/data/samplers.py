"""Orders in which loaders visit their items."""

import copy
import random
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from torch.utils.data import RandomSampler, Sampler, SequentialSampler


class RandomDomainSampler(Sampler):
    """Batches of equally many items from each of `n_domain` random domains (all of them where it is 0)."""

    def __init__(self, data_source: list, batch_size: int, n_domain: int):
        self.by_domain = _indices(data_source, "domain")
        self.domains = list(self.by_domain)
        self.n_domain = n_domain if n_domain > 0 else len(self.domains)
        if self.n_domain > len(self.domains):
            raise ValueError(
                f"N_DOMAIN is {n_domain}, but the data has {len(self.domains)} domains; 0 means all"
            )
        if batch_size < self.n_domain or batch_size % self.n_domain:
            raise ValueError(
                f"batch size {batch_size} is no multiple of {self.n_domain} domains (N_DOMAIN)"
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
    """Batches of equally many items from every domain, in order."""

    def __init__(self, data_source: list, batch_size: int):
        super().__init__(data_source, batch_size, 0)

    def __iter__(self) -> Iterator[int]:
        rounds = min(len(items) for items in self.by_domain.values()) // self.share
        for turn in range(rounds):
            for domain in self.domains:
                yield from self.by_domain[domain][turn * self.share : (turn + 1) * self.share]


class RandomClassSampler(Sampler):
    """Batches of `n_ins` items from each of batch_size / n_ins random classes."""

    def __init__(self, data_source: list, batch_size: int, n_ins: int):
        if batch_size < n_ins or batch_size % n_ins:
            raise ValueError(
                f"batch size {batch_size} is no multiple of {n_ins} items a class (N_INS)"
            )
        self.n_ins, self.classes_a_batch = n_ins, batch_size // n_ins
        self.by_label = _indices(data_source, "label")
        self.length = sum(1 for _ in self)

    def __iter__(self) -> Iterator[int]:
        groups = {label: self._groups(items) for label, items in self.by_label.items()}
        order: list[int] = []
        while len(groups) >= self.classes_a_batch:
            for label in random.sample(list(groups), self.classes_a_batch):
                order += groups[label].pop()
                if not groups[label]:
                    del groups[label]
        return iter(order)

    def _groups(self, items: list[int]) -> list[list[int]]:
        """A class's items in random groups of `n_ins`, filled up with replacement where it has fewer."""
        if len(items) < self.n_ins:
            items = np.random.choice(items, size=self.n_ins, replace=True).tolist()
        shuffled = random.sample(items, len(items))
        return [
            shuffled[i : i + self.n_ins] for i in range(0, len(items) - self.n_ins + 1, self.n_ins)
        ]

    def __len__(self) -> int:
        return self.length


def _indices(data_source: list, attribute: str) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for i, item in enumerate(data_source):
        groups[getattr(item, attribute)].append(i)
    return dict(groups)


def build_sampler(
    sampler_type: str,
    cfg: object = None,
    data_source: list | None = None,
    batch_size: int = 32,
    n_domain: int = 0,
    n_ins: int = 16,
) -> Sampler:
    """The sampler of this name.

    Raises:
        ValueError: no such sampler, or a batch size that it cannot divide.
    """
    builders = {
        "RandomSampler": lambda: RandomSampler(data_source),
        "SequentialSampler": lambda: SequentialSampler(data_source),
        "RandomDomainSampler": lambda: RandomDomainSampler(data_source, batch_size, n_domain),
        "SeqDomainSampler": lambda: SeqDomainSampler(data_source, batch_size),
        "RandomClassSampler": lambda: RandomClassSampler(data_source, batch_size, n_ins),
    }
    if sampler_type not in builders:
        raise ValueError(
            f"sampler {sampler_type!r} is none of {', '.join(builders)} (DATALOADER.<loader>.SAMPLER)"
        )
    return builders[sampler_type]()
