import os.path as osp

from yacs.config import CfgNode

from dassl.data.datasets.base_dataset import DatasetBase, Datum
from dassl.data.datasets.build import DATASET_REGISTRY
from dassl.data.datasets.folders import dataset_folder, read_list


@DATASET_REGISTRY.register()
class VisDA17(DatasetBase):
    """Peng et al., VisDA: The Visual Domain Adaptation Challenge, 2017, arXiv 1710.06924.

    visda17/train (synthetic), visda17/validation (real): image_list.txt with `path label` a line.

    Raises:
        ValueError: other domains than from synthetic to real, which the challenge does not have.
    """

    dataset_dir = "visda17"
    domains = ["synthetic", "real"]
    url = "http://ai.bu.edu/visda-2017"

    def __init__(self, cfg: CfgNode):
        sources, targets = cfg.DATASET.SOURCE_DOMAINS, cfg.DATASET.TARGET_DOMAINS
        self.check_input_domains(sources, targets)
        if [*sources, *targets] != self.domains:
            raise ValueError(
                f"VisDA17 goes from synthetic to real; DATASET.SOURCE_DOMAINS are {sources} and "
                f"TARGET_DOMAINS {targets}"
            )
        self.dataset_dir = dataset_folder(cfg, self.dataset_dir, self.url)
        super().__init__(
            train_x=self._items("train"),
            train_u=self._items("validation"),
            test=self._items("validation"),
        )

    def _items(self, part: str) -> list[Datum]:
        folder = osp.join(self.dataset_dir, part)
        return read_list(osp.join(folder, "image_list.txt"), folder, domain=0)
