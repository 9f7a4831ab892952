"""All datasets; importing this module registers them with Dassl."""

from datasets.caltech101 import Caltech101
from datasets.csv_file import CSV
from datasets.digits import Digits
from datasets.dtd import DescribableTextures
from datasets.emoji import Emoji
from datasets.eurosat import EuroSAT
from datasets.fashion import Fashion
from datasets.fgvc_aircraft import FGVCAircraft
from datasets.food101 import Food101
from datasets.image_folder import ImageFolder
from datasets.imagenet import ImageNet
from datasets.imagenet_a import ImageNetA
from datasets.imagenet_r import ImageNetR
from datasets.imagenet_sketch import ImageNetSketch
from datasets.imagenetv2 import ImageNetV2
from datasets.outlines import Outlines
from datasets.oxford_flowers import OxfordFlowers
from datasets.oxford_pets import OxfordPets
from datasets.stanford_cars import StanfordCars
from datasets.sun397 import SUN397
from datasets.ucf101 import UCF101

__all__ = [
    "CSV",
    "SUN397",
    "UCF101",
    "Caltech101",
    "DescribableTextures",
    "Digits",
    "Emoji",
    "EuroSAT",
    "FGVCAircraft",
    "Fashion",
    "Food101",
    "ImageFolder",
    "ImageNet",
    "ImageNetA",
    "ImageNetR",
    "ImageNetSketch",
    "ImageNetV2",
    "Outlines",
    "OxfordFlowers",
    "OxfordPets",
    "StanfordCars",
]
