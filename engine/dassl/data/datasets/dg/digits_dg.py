import os.path as osp
from collections.abc import Sequence

from yacs.config import CfgNode

from dassl.data.datasets.base_dataset import DatasetBase, Datum
from dassl.data.datasets.build import DATASET_REGISTRY
from dassl.data.datasets.folders import ClassFolders, dataset_folder


@DATASET_REGISTRY.register()
class DigitsDG(DatasetBase):
    """Zhou et al., Deep Domain-Adversarial Image Generation, AAAI 2020, arXiv 2003.06054.

    digits_dg/<domain>/train and val/<class>/*.jpg; a test takes both parts of a target.
    """

    dataset_dir = "digits_dg"
    domains: Sequence[str] = ["mnist", "mnist_m", "svhn", "syn"]
    data_url = "https://drive.google.com/uc?id=15V7EsHfCcfbKgsDmzQKj_DfXt_XYp_P7"

    def __init__(self, cfg: CfgNode):
        self.dataset_dir = dataset_folder(cfg, self.dataset_dir, self.data_url)
        sources, targets = cfg.DATASET.SOURCE_DOMAINS, cfg.DATASET.TARGET_DOMAINS
        self.check_input_domains(sources, targets)
        reader = ClassFolders("*.jpg", str.lower)
        super().__init__(
            train_x=self.read_data(self.dataset_dir, sources, "train", reader),
            val=self.read_data(self.dataset_dir, sources, "val", reader),
            test=self.read_data(self.dataset_dir, targets, "all", reader),
        )

    @staticmethod
    def read_data(
        dataset_dir: str,
        input_domains: Sequence[str],
        split: str,
        reader: ClassFolders | None = None,
    ) -> list[Datum]:
        """The items of a split: train, val, or all for both."""
        reader = reader or ClassFolders("*.jpg", str.lower)
        return reader.read(
            (number, osp.join(dataset_dir, domain, part))
            for number, domain in enumerate(input_domains)
            for part in (("train", "val") if split == "all" else (split,))
        )
