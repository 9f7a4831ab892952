"""Caltech 101: 100 kinds of objects, without background and easy faces. Split 50/20/30."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import ClassFolderDataset


@DATASET_REGISTRY.register()
class Caltech101(ClassFolderDataset):
    dataset_dir = "caltech-101"
    image_dir = "101_ObjectCategories"
    required = ("101_ObjectCategories",)
    ignored = ("BACKGROUND_Google", "Faces_easy")
    renamed = {
        "airplanes": "airplane",
        "Faces": "face",
        "Leopards": "leopard",
        "Motorbikes": "motorbike",
    }
