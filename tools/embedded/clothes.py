"""Photographs of clothes from a dataset in the public domain, called by the words of a shop."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tools.embedded.packages import clone
from tools.embedded.pictures import Drawing, square

REPOSITORY = "alexeygrigorev/clothing-dataset-small@11961516512414bf9f6c150a832cfd21b54a6b54"
WORDS = {  # folder -> what its photographs are called
    "dress": ("dress",),
    "hat": ("hat", "cap"),
    "longsleeve": ("pullover", "sweater", "long sleeve shirt", "jumper", "longsleeve"),
    "outwear": ("coat", "jacket", "outerwear"),
    "pants": ("trousers", "pants", "pair of trousers", "trouser", "jeans"),
    "shirt": ("shirt", "button shirt"),
    "shoes": ("shoe", "shoes", "sneaker", "pair of shoes"),
    "shorts": ("shorts", "short pants"),
    "skirt": ("skirt",),
    "t-shirt": ("t-shirt", "tee", "t-shirt or top", "top"),
}


def clothes(work: Path) -> Iterator[tuple[Drawing, Image.Image]]:
    """All parts of the dataset."""
    root = clone(work, REPOSITORY)
    for folder, words in WORDS.items():
        for file in sorted(root.glob(f"*/{folder}/*.jpg")):
            yield Drawing(source="clothes", label=words[0], tags=words), square(Image.open(file))
