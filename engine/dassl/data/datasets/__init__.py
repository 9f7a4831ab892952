from dassl.data.datasets.base_dataset import DatasetBase, Datum
from dassl.data.datasets.build import DATASET_REGISTRY, build_dataset
from dassl.elsewhere import names_of

__all__ = ["DATASET_REGISTRY", "DatasetBase", "Datum", "build_dataset"]

__getattr__ = names_of(__name__)
