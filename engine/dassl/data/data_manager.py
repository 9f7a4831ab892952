"""From a dataset to batches."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from tabulate import tabulate
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T
from yacs.config import CfgNode

from dassl.data.datasets import Datum, build_dataset
from dassl.data.image_cache import ImageCache, can_share
from dassl.data.loader import Loader, ignore_stop_signals
from dassl.data.samplers import build_sampler
from dassl.data.transforms import INTERPOLATION_MODES, build_transform
from dassl.utils.tools import read_image


def build_data_loader(
    cfg: CfgNode,
    sampler_type: str = "SequentialSampler",
    data_source: list[Datum] | None = None,
    batch_size: int = 64,
    n_domain: int = 0,
    n_ins: int = 2,
    tfm: Callable | Sequence[Callable] | None = None,
    is_train: bool = True,
    dataset_wrapper: type[Dataset] | None = None,
) -> DataLoader:
    """A loader of dict batches (see `DatasetWrapper`); training drops the incomplete last batch where there is a full one.

    Raises:
        ValueError: there are no items, or too few for a batch of this sampler.
    """
    if not data_source:
        raise ValueError(
            f"dataset {cfg.DATASET.NAME} has no items for {'training' if is_train else 'a test'}"
        )
    wrapper = dataset_wrapper or DatasetWrapper
    loader = Loader(
        wrapper(cfg, data_source, transform=tfm, is_train=is_train),
        batch_size=batch_size,
        sampler=build_sampler(sampler_type, cfg, data_source, batch_size, n_domain, n_ins),
        num_workers=min(cfg.DATALOADER.NUM_WORKERS, _cpus()),  # torch warns of more
        drop_last=is_train and len(data_source) >= batch_size,
        pin_memory=torch.cuda.is_available() and cfg.USE_CUDA,
        worker_init_fn=ignore_stop_signals,
    )
    if not len(loader):
        raise ValueError(
            f"{sampler_type} makes no batch of {batch_size} from {len(data_source)} items; lower BATCH_SIZE"
        )
    return loader


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class DataManager:
    """The dataset and its loaders: `train_loader_x train_loader_u val_loader test_loader` (None without data)."""

    def __init__(
        self,
        cfg: CfgNode,
        custom_tfm_train: Callable | Sequence[Callable] | None = None,
        custom_tfm_test: Callable | None = None,
        dataset_wrapper: type[Dataset] | None = None,
    ):
        self.dataset = dataset = build_dataset(cfg)
        tfm_train = (
            build_transform(cfg, is_train=True) if custom_tfm_train is None else custom_tfm_train
        )
        tfm_test = (
            build_transform(cfg, is_train=False) if custom_tfm_test is None else custom_tfm_test
        )

        def train_loader(items: list[Datum] | None, node: CfgNode) -> DataLoader | None:
            return items and build_data_loader(
                cfg,
                node.SAMPLER,
                items,
                node.BATCH_SIZE,
                node.N_DOMAIN,
                node.N_INS,
                tfm_train,
                True,
                dataset_wrapper,
            )

        def test_loader(items: list[Datum] | None) -> DataLoader | None:
            node = cfg.DATALOADER.TEST
            return items and build_data_loader(
                cfg,
                node.SAMPLER,
                items,
                node.BATCH_SIZE,
                tfm=tfm_test,
                is_train=False,
                dataset_wrapper=dataset_wrapper,
            )

        loaders = cfg.DATALOADER
        self.train_loader_x = train_loader(dataset.train_x, loaders.TRAIN_X)
        unlabelled = loaders.TRAIN_X if loaders.TRAIN_U.SAME_AS_X else loaders.TRAIN_U
        self.train_loader_u = train_loader(dataset.train_u, unlabelled)
        self.val_loader = test_loader(dataset.val)
        self.test_loader = test_loader(dataset.test)
        self.num_classes = dataset.num_classes
        self.num_source_domains = len(cfg.DATASET.SOURCE_DOMAINS)
        self.lab2cname = dataset.lab2cname
        if cfg.VERBOSE:
            self.show_dataset_summary(cfg)

    def show_dataset_summary(self, cfg: CfgNode) -> None:
        counts = {"# classes": self.num_classes}
        for name in ("train_x", "train_u", "val", "test"):
            if items := getattr(self.dataset, name):
                counts[f"# {name}"] = len(items)
        rows = [
            ["Dataset", cfg.DATASET.NAME],
            *([name, f"{count:,}"] for name, count in counts.items()),
        ]
        print(tabulate(rows, tablefmt="simple"))


class DatasetWrapper(Dataset):
    """Items as dicts: `img label domain impath index`.

    With several transforms there are `img`, `img2`, ...; with K_TRANSFORMS above 1 each is a list; with RETURN_IMG0 there is
    `img0`, resized but not augmented.

    Raises:
        ValueError: K_TRANSFORMS above 1 without a transform.
    """

    def __init__(
        self,
        cfg: CfgNode,
        data_source: list[Datum],
        transform: Callable | Sequence[Callable] | None = None,
        is_train: bool = False,
    ):
        self.cfg, self.data_source, self.transform, self.is_train = (
            cfg,
            data_source,
            transform,
            is_train,
        )
        self.k_tfm = cfg.DATALOADER.K_TRANSFORMS if is_train else 1
        self.return_img0 = cfg.DATALOADER.RETURN_IMG0
        if self.k_tfm > 1 and transform is None:
            raise ValueError(
                f"K_TRANSFORMS is {self.k_tfm}, but there is no transform to apply so often"
            )
        megabytes = cfg.DATALOADER.CACHE_MB if is_train and can_share() else 0
        self.cache = ImageCache(len(data_source), megabytes * 2**20) if megabytes else None
        normalize = T.Normalize(list(cfg.INPUT.PIXEL_MEAN), list(cfg.INPUT.PIXEL_STD))
        self.to_tensor = T.Compose(
            [
                T.Resize(tuple(cfg.INPUT.SIZE), INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]),
                T.ToTensor(),
                *([normalize] if "normalize" in cfg.INPUT.TRANSFORMS else []),
            ]
        )

    def __len__(self) -> int:
        return len(self.data_source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.data_source[index]
        image = self.cache.read(index, item.impath) if self.cache else read_image(item.impath)
        output = {"label": item.label, "domain": item.domain, "impath": item.impath, "index": index}
        if self.transform is None:
            output["img"] = image
            return output
        several = isinstance(self.transform, list | tuple)
        for i, transform in enumerate(self.transform if several else [self.transform]):
            output[f"img{i + 1}" if i else "img"] = self._transformed(transform, image)
        if self.return_img0:
            output["img0"] = self.to_tensor(image)
        return output

    def _transformed(self, transform: Callable, image: Any) -> Any:
        views = [transform(image) for _ in range(self.k_tfm)]
        return views if self.k_tfm > 1 else views[0]
