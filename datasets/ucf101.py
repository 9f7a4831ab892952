"""UCF101: 101 actions, the middle frame of each video.

The first published partition; its training part is split 80/20.
"""

import re
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset, train_val
from datasets.files import read_rows
from datasets.splits import Item, Split


@DATASET_REGISTRY.register()
class UCF101(SplitFileDataset):
    dataset_dir = "ucf101"
    image_dir = "UCF-101-midframes"
    required = ("UCF-101-midframes",)
    raw = (
        "ucfTrainTestlist/classInd.txt",
        "ucfTrainTestlist/trainlist01.txt",
        "ucfTrainTestlist/testlist01.txt",
    )

    @classmethod
    def read_raw(cls, folder: Path) -> Split:
        classes, train, test = (folder / name for name in cls.raw)
        rows = read_rows(classes, r"(\d+) (\w+)", "'<number from 1> <action>'")
        labels = {action: int(number) - 1 for number, action in rows}
        return train_val(_read_list(train, labels), _read_list(test, labels))


def action_name(action: str) -> str:
    """'ApplyEyeMakeup' -> 'Apply_Eye_Makeup'."""
    return "_".join(re.findall("[A-Z][^A-Z]*", action))


def _read_list(path: Path, labels: dict[str, int]) -> list[Item]:
    known = "|".join(map(re.escape, labels))
    rows = read_rows(
        path, rf"({known})/(\S+)\.avi(?: \d+)?", "'<action of classInd.txt>/<video>.avi'"
    )
    return [
        Item(
            f"UCF-101-midframes/{action_name(action)}/{video}.jpg",
            labels[action],
            action_name(action),
        )
        for action, video in rows
    ]
