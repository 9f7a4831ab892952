import os.path as osp
from collections.abc import Sequence

from yacs.config import CfgNode

from dassl.data.datasets.base_dataset import DatasetBase, Datum
from dassl.data.datasets.build import DATASET_REGISTRY
from dassl.data.datasets.folders import ClassFolders, dataset_folder


@DATASET_REGISTRY.register()
class VLCS(DatasetBase):
    """Fang et al., Unbiased Metric Learning, ICCV 2013.

    VLCS/<DOMAIN>/{train,crossval,test}/<number of a class>/*.jpg; classes have no names.
    """

    dataset_dir = "VLCS"
    domains = ["caltech", "labelme", "pascal", "sun"]
    data_url = "https://drive.google.com/uc?id=1r0WL5DDqKfSPp9E3tRENwHaXNs1olLZd"

    def __init__(self, cfg: CfgNode):
        self.dataset_dir = dataset_folder(cfg, self.dataset_dir, self.data_url)
        sources, targets = cfg.DATASET.SOURCE_DOMAINS, cfg.DATASET.TARGET_DOMAINS
        self.check_input_domains(sources, targets)
        self._folders = ClassFolders("*.jpg", classname=lambda _: "")
        super().__init__(
            train_x=self._items(sources, "train"),
            val=self._items(sources, "crossval"),
            test=self._items(targets, "test"),
        )

    def _items(self, domains: Sequence[str], part: str) -> list[Datum]:
        return self._folders.read(
            (number, osp.join(self.dataset_dir, domain.upper(), part))
            for number, domain in enumerate(domains)
        )
