import os.path as osp
from collections.abc import Sequence

from yacs.config import CfgNode

from dassl.data.datasets.base_dataset import DatasetBase, Datum
from dassl.data.datasets.build import DATASET_REGISTRY
from dassl.data.datasets.folders import dataset_folder, read_list

DAMAGED = ("sketch/dog/n02103406_4068-1.png",)


@DATASET_REGISTRY.register()
class PACS(DatasetBase):
    """Li et al., Deeper, Broader and Artier Domain Generalization, ICCV 2017, arXiv 1710.03077.

    pacs/images/<domain>/<class>/<image>; pacs/splits/<domain>_{train,crossval}_kfold.txt with
    `path label` a line, labels from 1. Tests take both parts of a target.
    """

    dataset_dir = "pacs"
    domains = ["art_painting", "cartoon", "photo", "sketch"]
    data_url = "https://drive.google.com/uc?id=1m4X4fROCCXMO0lRLrr6Zz9Vb3974NWhE"

    def __init__(self, cfg: CfgNode):
        self.dataset_dir = dataset_folder(cfg, self.dataset_dir, self.data_url)
        self.image_dir = osp.join(self.dataset_dir, "images")
        self.split_dir = osp.join(self.dataset_dir, "splits")
        sources, targets = cfg.DATASET.SOURCE_DOMAINS, cfg.DATASET.TARGET_DOMAINS
        self.check_input_domains(sources, targets)
        super().__init__(
            train_x=self._items(sources, "train"),
            val=self._items(sources, "crossval"),
            test=self._items(targets, "train", "crossval"),
        )

    def _items(self, domains: Sequence[str], *parts: str) -> list[Datum]:
        return [
            item
            for number, domain in enumerate(domains)
            for part in parts
            for item in read_list(
                osp.join(self.split_dir, f"{domain}_{part}_kfold.txt"),
                self.image_dir,
                number,
                first_label=1,
                without=DAMAGED,
            )
        ]
