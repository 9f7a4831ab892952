import os.path as osp
from collections.abc import Callable, Sequence

from yacs.config import CfgNode

from dassl.data.datasets.base_dataset import DatasetBase, Datum
from dassl.data.datasets.build import DATASET_REGISTRY
from dassl.data.datasets.folders import ClassFolders, dataset_folder


@DATASET_REGISTRY.register()
class Office31(DatasetBase):
    """Saenko et al., Adapting Visual Category Models to New Domains, ECCV 2010.

    office31/<domain>/<class>/<image>
    """

    dataset_dir = "office31"
    domains: Sequence[str] = ["amazon", "webcam", "dslr"]
    url = "https://people.eecs.berkeley.edu/~jhoffman/domainadapt/#datasets_code"
    classname: Callable[[str], str] = staticmethod(str)  # of a folder

    def __init__(self, cfg: CfgNode):
        self.dataset_dir = dataset_folder(cfg, self.dataset_dir, self.url)
        sources, targets = cfg.DATASET.SOURCE_DOMAINS, cfg.DATASET.TARGET_DOMAINS
        self.check_input_domains(sources, targets)
        self._folders = ClassFolders(classname=self.classname)
        super().__init__(
            train_x=self._items(sources), train_u=self._items(targets), test=self._items(targets)
        )

    def _items(self, domains: Sequence[str]) -> list[Datum]:
        return self._folders.read(
            (number, osp.join(self.dataset_dir, domain)) for number, domain in enumerate(domains)
        )
