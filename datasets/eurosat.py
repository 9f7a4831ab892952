"""EuroSAT (RGB): 10 kinds of land use, seen by Sentinel-2. Split 50/20/30."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import ClassFolderDataset


@DATASET_REGISTRY.register()
class EuroSAT(ClassFolderDataset):
    dataset_dir = "eurosat"
    image_dir = "2750"
    required = ("2750",)
    renamed = {
        "AnnualCrop": "Annual Crop Land",
        "HerbaceousVegetation": "Herbaceous Vegetation Land",
        "Highway": "Highway or Road",
        "Industrial": "Industrial Buildings",
        "Pasture": "Pasture Land",
        "PermanentCrop": "Permanent Crop Land",
        "Residential": "Residential Buildings",
        "SeaLake": "Sea or Lake",
    }
