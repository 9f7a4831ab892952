"""The published datasets: where they are, their sizes, and what is mistaken for them.

Imports nothing heavy.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from datasets.files import class_folders, visible_files
from promptsrc.inference.endings import can_read

# split_zhou_*.json and classnames.txt
SPLIT_FILES_HOME = "https://github.com/KaiyangZhou/CoOp/blob/main/DATASETS.md"
MIDDLE_FRAMES = "the videos; get the middle frame of each, for ucf101/UCF-101-midframes"
MANY_BANDS = "images of 13 bands; get the RGB archive"
OTHER_TEST_SET = "another of the three test sets; get matched-frequency"


@dataclass(frozen=True)
class Published:
    """A dataset as published results use it."""

    folder: str  # in the root
    home: str
    classes: int
    sizes: tuple[int, int, int]  # images for training, validation and test
    # other names of the folder; case and punctuation do not matter
    aliases: tuple[str, ...] = ()
    # patterns of paths in the root, with what to do about them
    lookalikes: dict[str, str] = field(default_factory=dict)


PUBLISHED = {
    "OxfordPets": Published(
        "oxford_pets",
        "https://www.robots.ox.ac.uk/~vgg/data/pets/",
        classes=37,
        sizes=(2944, 736, 3669),
        aliases=("oxford-iiit-pet", "pets"),
    ),
    "OxfordFlowers": Published(
        "oxford_flowers",
        "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        classes=102,
        sizes=(4093, 1633, 2463),
        aliases=("flowers-102", "102flowers", "oxford_flowers102", "oxford-102-flowers"),
    ),
    "FGVCAircraft": Published(
        "fgvc_aircraft",
        "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/",
        classes=100,
        sizes=(3334, 3333, 3333),
        aliases=("fgvc-aircraft-2013b", "aircraft"),
    ),
    "DescribableTextures": Published(
        "dtd",
        "https://www.robots.ox.ac.uk/~vgg/data/dtd/",
        classes=47,
        sizes=(2820, 1128, 1692),
        aliases=("dtd-r1.0.1",),
    ),
    "EuroSAT": Published(
        "eurosat",
        "https://github.com/phelber/EuroSAT",
        classes=10,
        sizes=(13500, 5400, 8100),
        aliases=("EuroSAT_RGB",),
        lookalikes={
            "eurosat/EuroSAT_RGB": "the image folder of the newer archive: rename it to 2750",
            "eurosat/EuroSATallBands": MANY_BANDS,
            "eurosat/EuroSAT_MS": MANY_BANDS,
        },
    ),
    "StanfordCars": Published(
        "stanford_cars",
        "https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
        classes=196,
        sizes=(6509, 1635, 8041),
        aliases=("cars", "stanford-cars-dataset"),
        lookalikes={
            "stanford_cars/car_ims": "the archive with all images in one folder; get the one "
            "with cars_train/ and cars_test/",
            "stanford_cars/cars_annos.mat": "annotations of the archive with car_ims/; get "
            "devkit/ and cars_test_annos_withlabels.mat",
            "stanford_cars/devkit/cars_test_annos.mat": "test annotations without labels; "
            "cars_test_annos_withlabels.mat, beside devkit/, has them",
        },
    ),
    "Food101": Published(
        "food-101",
        "https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
        classes=101,
        sizes=(50500, 20200, 30300),
    ),
    "SUN397": Published(
        "sun397",
        "https://vision.princeton.edu/projects/2010/SUN/",
        classes=397,
        sizes=(15880, 3970, 19850),
    ),
    "Caltech101": Published(
        "caltech-101",
        "https://data.caltech.edu/records/mzrjq-6wc02",
        classes=100,
        sizes=(4128, 1649, 2465),
    ),
    "UCF101": Published(
        "ucf101",
        f"https://www.crcv.ucf.edu/data/UCF101.php (middle frames: {SPLIT_FILES_HOME})",
        classes=101,
        sizes=(7639, 1898, 3783),
        lookalikes={"ucf101/UCF-101": MIDDLE_FRAMES, "UCF-101": MIDDLE_FRAMES},
    ),
    "ImageNet": Published(
        "imagenet",
        "https://image-net.org/",
        classes=1000,
        sizes=(1281167, 0, 50000),
        aliases=("ILSVRC2012", "ILSVRC", "imagenet-1k"),
        lookalikes={
            "imagenet/train": "move train/ and val/ into imagenet/images/",
            "imagenet/ILSVRC/Data/CLS-LOC": "move it to imagenet/images, with one folder per wnid "
            "in val/",
            "imagenet/images/train/*.tar": "one archive per class: unpack each into a folder with "
            "the name of its wnid",
            "imagenet/images/val/*.JPEG": "a flat val folder: sort its images into one folder per "
            "wnid",
        },
    ),
    "ImageNetV2": Published(
        "imagenetv2",
        "https://github.com/modestyachts/ImageNetV2",
        classes=1000,
        sizes=(0, 0, 10000),
        aliases=("imagenet-v2",),
        lookalikes={
            "imagenetv2/imagenetv2-matched-frequency": "rename it to "
            "imagenetv2-matched-frequency-format-val",
            "imagenetv2/imagenetv2-top*": OTHER_TEST_SET,
            "imagenetv2/imagenetv2-threshold*": OTHER_TEST_SET,
        },
    ),
    "ImageNetSketch": Published(
        "imagenet-sketch",
        "https://github.com/HaohanWang/ImageNet-Sketch",
        classes=1000,
        sizes=(0, 0, 50889),
        lookalikes={
            "imagenet-sketch/sketch": "rename it to images",
            "sketch": "move it to imagenet-sketch/images",
        },
    ),
    "ImageNetA": Published(
        "imagenet-adversarial",
        "https://github.com/hendrycks/natural-adv-examples",
        classes=200,
        sizes=(0, 0, 7500),
    ),
    "ImageNetR": Published(
        "imagenet-rendition",
        "https://github.com/hendrycks/imagenet-r",
        classes=200,
        sizes=(0, 0, 30000),
    ),
    "Emoji": Published("emoji", "data/emoji of this project", 31, (585, 162, 341)),
    "Outlines": Published("outlines", "data/outlines of this project", 20, (320, 80, 480)),
    "Fashion": Published("fashion", "data/fashion of this project", 10, (200, 100, 1500)),
    "Digits": Published("digits", "data/digits of this project", 10, (200, 100, 1400)),
}


def letters(name: str) -> str:
    """A folder's name, without capitals and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def published_in(root: Path) -> list[str]:
    """The folders in the root that are published datasets, by their names.

    With images directly in it, it is a class of one's own, such as `cars`.
    """
    known = {
        letters(name)
        for registered, published in PUBLISHED.items()
        for name in (published.folder, registered, *published.aliases)
    }
    return [
        name
        for name in class_folders(root)
        if letters(name) in known and not any(map(can_read, visible_files(root / name)))
    ]
