from dassl.data.datasets.base_dataset import DatasetBase, Datum
from dassl.data.datasets.build import DATASET_REGISTRY, build_dataset
from dassl.data.datasets.da import Office31, OfficeHome, VisDA17
from dassl.data.datasets.dg import PACS, VLCS, DigitsDG, OfficeHomeDG
from dassl.elsewhere import names_of

__all__ = [
    "DATASET_REGISTRY",
    "PACS",
    "VLCS",
    "DatasetBase",
    "Datum",
    "DigitsDG",
    "Office31",
    "OfficeHome",
    "OfficeHomeDG",
    "VisDA17",
    "build_dataset",
]

__getattr__ = names_of(__name__)
