"""FGVC-Aircraft: 100 variants, with the published train, val and test parts."""

import re
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import BenchmarkDataset
from datasets.files import read_rows
from datasets.splits import Item, Split

PARTS = ("images_variant_train.txt", "images_variant_val.txt", "images_variant_test.txt")


@DATASET_REGISTRY.register()
class FGVCAircraft(BenchmarkDataset):
    dataset_dir = "fgvc_aircraft"
    required = ("images", "variants.txt", *PARTS)

    @classmethod
    def read(cls, folder: Path) -> Split:
        variants = [name for (name,) in read_rows(folder / "variants.txt", r"(\S.*)", "a variant")]
        labels = {name: label for label, name in enumerate(variants)}
        return Split(*(_read_part(folder / part, labels) for part in PARTS))


def _read_part(path: Path, labels: dict[str, int]) -> list[Item]:
    known = "|".join(map(re.escape, labels))
    rows = read_rows(path, rf"(\S+) ({known})", "'<image> <variant of variants.txt>'")
    return [Item(f"images/{stem}.jpg", labels[variant], variant) for stem, variant in rows]
