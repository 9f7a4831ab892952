"""From a dataset to batches."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from tabulate import tabulate
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T
from yacs.config import CfgNode

from dassl.data.datasets import Datum, build_dataset
from dassl.data.image_cache import ImageCache, can_share
from dassl.data.loader import Loader, ignore_stop_signals
from dassl.data.samplers import build_sampler
from dassl.data.transforms import INTERPOLATION_MODES, build_transform, normalisation
from dassl.elsewhere import names_of
from dassl.utils.checks import in_range, one_of
from dassl.utils.reader import READ_AS, read_image

__getattr__ = names_of(__name__)

Transforms = Callable | Sequence[Callable] | None
EACH_ITEM_ONCE = ("SequentialSampler", "RandomSampler")  # the others leave some out, or repeat them


def build_data_loader(
    cfg: CfgNode,
    sampler_type: str = "SequentialSampler",
    data_source: list[Datum] | None = None,
    batch_size: int = 64,
    n_domain: int = 0,
    n_ins: int = 2,
    tfm: Transforms = None,
    is_train: bool = True,
    dataset_wrapper: Callable[..., Dataset] | None = None,
) -> DataLoader:
    """A loader of batches as dicts (see `DatasetWrapper`).

    Training drops an incomplete last batch, unless it is the only one.

    Raises:
        ValueError: there are no items, or too few for a batch of this sampler.
    """
    if not data_source:
        purpose = "training" if is_train else "a test"
        raise ValueError(f"dataset {cfg.DATASET.NAME} has no items for {purpose}")
    wrapper = dataset_wrapper or DatasetWrapper
    loader = Loader(
        wrapper(cfg, data_source, transform=tfm, is_train=is_train),
        batch_size=batch_size,
        sampler=build_sampler(sampler_type, cfg, data_source, batch_size, n_domain, n_ins),
        num_workers=min(cfg.DATALOADER.NUM_WORKERS, _cpus()),  # PyTorch warns about more
        drop_last=is_train and len(data_source) >= batch_size,
        pin_memory=torch.cuda.is_available() and cfg.USE_CUDA,
        worker_init_fn=ignore_stop_signals,
    )
    if not len(loader):
        raise ValueError(
            f"{sampler_type} makes no batch of {batch_size} from {len(data_source)} items; "
            "lower BATCH_SIZE"
        )
    return loader


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class DataManager:
    """The dataset and its loaders; a loader without data is None."""

    def __init__(
        self,
        cfg: CfgNode,
        custom_tfm_train: Transforms = None,
        custom_tfm_test: Callable | None = None,
        dataset_wrapper: Callable[..., Dataset] | None = None,
    ):
        self.dataset = dataset = build_dataset(cfg)
        train = _own_or_built(custom_tfm_train, cfg, is_train=True)
        test = _own_or_built(custom_tfm_test, cfg, is_train=False)

        def loader(items: list[Datum] | None, name: str, is_train: bool) -> Any:
            if not items:
                return None
            node = cfg.DATALOADER[name]
            return build_data_loader(
                cfg,
                node.SAMPLER,
                items,
                in_range(f"DATALOADER.{name}.BATCH_SIZE", node.BATCH_SIZE, 1),
                node.N_DOMAIN if node.SAMPLER == "RandomDomainSampler" else 0,
                node.N_INS if node.SAMPLER == "RandomClassSampler" else 2,
                train if is_train else test,
                is_train,
                dataset_wrapper,
            )

        one_of("DATALOADER.TEST.SAMPLER", cfg.DATALOADER.TEST.SAMPLER, EACH_ITEM_ONCE)
        self.train_loader_x = loader(dataset.train_x, "TRAIN_X", True)
        self.train_loader_u = None
        if dataset.train_u:
            same = cfg.DATALOADER.TRAIN_U.SAME_AS_X
            self.train_loader_u = loader(dataset.train_u, "TRAIN_X" if same else "TRAIN_U", True)
        self.val_loader = loader(dataset.val, "TEST", False)
        self.test_loader = loader(dataset.test, "TEST", False)
        self._num_classes = dataset.num_classes
        self._num_source_domains = len(cfg.DATASET.SOURCE_DOMAINS)
        self._lab2cname = dataset.lab2cname
        if cfg.VERBOSE:
            self.show_dataset_summary(cfg)

    @property
    def num_classes(self) -> int:
        return self._num_classes

    @property
    def num_source_domains(self) -> int:
        return self._num_source_domains

    @property
    def lab2cname(self) -> dict[int, str]:
        return self._lab2cname

    def show_dataset_summary(self, cfg: CfgNode) -> None:
        rows = [["Dataset", cfg.DATASET.NAME]]
        for name in ("Source", "Target"):
            if domains := cfg.DATASET[f"{name.upper()}_DOMAINS"]:
                rows.append([name, domains])
        rows.append(["# classes", f"{self.num_classes:,}"])
        for name in ("train_x", "train_u", "val", "test"):
            if items := getattr(self.dataset, name):
                rows.append([f"# {name}", f"{len(items):,}"])
        print(tabulate(rows, tablefmt="simple"))


def _own_or_built(own: Transforms, cfg: CfgNode, is_train: bool) -> Transforms:
    """A plug-in's own transform, or that of INPUT."""
    if own is None:
        return build_transform(cfg, is_train=is_train)
    print(f"* Using custom transform for {'training' if is_train else 'testing'}")
    return own


class DatasetWrapper(Dataset):
    """Items as dicts with the keys `img label domain impath index`.

    Several transforms give `img`, `img2`, ...; K_TRANSFORMS above 1 makes each of them a list.
    RETURN_IMG0 adds `img0`, resized but not augmented.

    Raises:
        ValueError: K_TRANSFORMS above 1 without a transform, or an unknown INPUT.READ_AS.
    """

    def __init__(
        self,
        cfg: CfgNode,
        data_source: list[Datum],
        transform: Transforms = None,
        is_train: bool = False,
    ):
        self.cfg, self.data_source = cfg, data_source
        self.transform, self.is_train = transform, is_train
        self.k_tfm = 1
        if is_train:
            repeats = cfg.DATALOADER.K_TRANSFORMS
            self.k_tfm = in_range("DATALOADER.K_TRANSFORMS", repeats, 1, 1000)
        self.return_img0 = cfg.DATALOADER.RETURN_IMG0
        if self.k_tfm > 1 and transform is None:
            raise ValueError(f"K_TRANSFORMS is {self.k_tfm}, but there is no transform to repeat")
        self.read_as = one_of("INPUT.READ_AS", cfg.INPUT.READ_AS or "stored", READ_AS)
        megabytes = cfg.DATALOADER.CACHE_MB if is_train and can_share() else 0
        paths = [item.impath for item in data_source]
        self.cache = ImageCache(paths, megabytes * 2**20, self.read_as) if megabytes else None
        mode = INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]
        steps = [T.Resize(tuple(cfg.INPUT.SIZE), mode), T.ToTensor()]
        if "normalize" in cfg.INPUT.TRANSFORMS:
            steps.append(normalisation(cfg))
        self.to_tensor = T.Compose(steps)

    def __len__(self) -> int:
        return len(self.data_source)

    def __getitem__(self, idx: int) -> dict[str, Any]:
        item = self.data_source[idx]
        path = item.impath
        image = self.cache.read(path) if self.cache else read_image(path, self.read_as)
        output = {"label": item.label, "domain": item.domain, "impath": path, "index": idx}
        if self.transform is None:
            output["img"] = image
        transforms = [self.transform] if callable(self.transform) else self.transform or ()
        for i, transform in enumerate(transforms):
            output[f"img{i + 1}" if i else "img"] = self._transform_image(transform, image)
        if self.return_img0:
            output["img0"] = self.to_tensor(image)
        return output

    def _transform_image(self, tfm: Callable, img0: Image.Image) -> Any:
        """A view of the image, or a list of K_TRANSFORMS views."""
        views = [tfm(img0) for _ in range(self.k_tfm)]
        return views if self.k_tfm > 1 else views[0]
