"""Orders in which loaders visit their items; for a seed, those of Dassl.pytorch.

A sampler draws a whole epoch when its iterator is made, from `random` and `numpy.random`, whose
states a run saves. Epochs may differ in length; `len` is that of one drawn when it is built.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import RandomSampler, Sampler, SequentialSampler


class RandomDomainSampler(Sampler):
    """Batches with equally many items of each of `n_domain` random domains; None or 0 means all.

    The epoch ends when one of the last batch's domains has too few items left for another batch.

    Raises:
        ValueError: fewer domains than that, a domain with too few items for a batch, or a batch
            size that is not a multiple of `n_domain`.
    """

    def __init__(self, data_source: Sequence[Any], batch_size: int, n_domain: int | None):
        self.data_source, self.batch_size = data_source, batch_size
        self.domain_dict = _indices(data_source, "domain")
        self.domains = list(self.domain_dict)
        self.n_domain = n_domain if n_domain and n_domain > 0 else len(self.domains)
        if not 1 <= self.n_domain <= len(self.domains):
            raise ValueError(
                f"N_DOMAIN is {n_domain}, but the data has {len(self.domains)} domains; 0 means all"
            )
        if batch_size < self.n_domain or batch_size % self.n_domain:
            raise ValueError(
                f"batch size {batch_size} is not a multiple of {self.n_domain} domains (N_DOMAIN)"
            )
        self.n_img_per_domain = share = batch_size // self.n_domain
        for domain, items in self.domain_dict.items():
            if len(items) < share:
                raise ValueError(
                    f"batches of {batch_size} take {share} items of a domain, but domain {domain} "
                    f"has {len(items)}; lower BATCH_SIZE"
                )
        self.length = sum(1 for _ in self)

    def __iter__(self) -> Iterator[int]:
        left, share = dict(self.domain_dict), self.n_img_per_domain
        order: list[int] = []
        while True:
            domains = self._domains_of_a_batch()
            for domain in domains:
                drawn = random.sample(left[domain], share)
                left[domain] = sorted(set(left[domain]) - set(drawn))
                order += drawn
            if any(len(left[domain]) < share for domain in domains):
                return iter(order)

    def _domains_of_a_batch(self) -> list[Any]:
        return random.sample(self.domains, self.n_domain)

    def __len__(self) -> int:
        return self.length


class SeqDomainSampler(RandomDomainSampler):
    """Batches with equally many items of every domain, the domains in ascending order."""

    def __init__(self, data_source: Sequence[Any], batch_size: int):
        super().__init__(data_source, batch_size, None)

    def _domains_of_a_batch(self) -> list[Any]:
        return sorted(self.domains)


class RandomClassSampler(Sampler):
    """Batches of batch_size // n_ins random classes, `n_ins` items of each.

    Classes with fewer items repeat some. The epoch ends when too few classes have items left.

    Raises:
        ValueError: `n_ins` is below 1 or above the batch size, or there are too few classes.
    """

    def __init__(self, data_source: Sequence[Any], batch_size: int, n_ins: int):
        if not 1 <= n_ins <= batch_size:
            raise ValueError(
                f"N_INS is {n_ins} items per class; it is at least 1, and at most the batch size, "
                f"{batch_size}"
            )
        self.data_source, self.batch_size, self.n_ins = data_source, batch_size, n_ins
        self.ncls_per_batch = batch_size // n_ins
        self.index_dic = _indices(data_source, "label")
        self.labels = list(self.index_dic)
        if len(self.labels) < self.ncls_per_batch:
            raise ValueError(
                f"batches of {batch_size} take {self.ncls_per_batch} classes, {n_ins} item(s) of "
                f"each (N_INS), but the data has {len(self.labels)} classes"
            )
        self.length = sum(1 for _ in self)

    def __iter__(self) -> Iterator[int]:
        groups = {label: self._groups(items) for label, items in self.index_dic.items()}
        order: list[int] = []
        while len(groups) >= self.ncls_per_batch:
            for label in random.sample(list(groups), self.ncls_per_batch):
                order += groups[label].pop(0)
                if not groups[label]:
                    del groups[label]
        return iter(order)

    def _groups(self, items: list[int]) -> list[list[int]]:
        """A class's items in random groups of `n_ins`."""
        if len(items) < self.n_ins:
            items = np.random.choice(items, size=self.n_ins, replace=True).tolist()
        shuffled = list(items)
        random.shuffle(shuffled)
        starts = range(0, len(items) - self.n_ins + 1, self.n_ins)
        return [shuffled[start : start + self.n_ins] for start in starts]

    def __len__(self) -> int:
        return self.length


def _indices(data_source: Sequence[Any], attribute: str) -> dict[Any, list[int]]:
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, item in enumerate(data_source):
        groups[getattr(item, attribute)].append(i)
    return dict(groups)


def build_sampler(
    sampler_type: str,
    cfg: object = None,
    data_source: Sequence[Any] | None = None,
    batch_size: int = 32,
    n_domain: int | None = 0,
    n_ins: int = 16,
) -> Sampler:
    """The sampler of this name.

    Raises:
        ValueError: an unknown name, or data that the sampler cannot make a batch of.
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
