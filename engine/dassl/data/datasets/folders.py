"""Items of datasets that are folders: of classes, or named in lists."""

import glob
import os.path as osp
from collections.abc import Callable, Iterable

from yacs.config import CfgNode

from dassl.data.datasets.base_dataset import Datum
from dassl.utils.tools import listdir_nohidden


def dataset_folder(cfg: CfgNode, name: str, url: str) -> str:
    """The folder of this name in DATASET.ROOT.

    Raises:
        FileNotFoundError: there is none; says where to get it.
    """
    folder = osp.join(osp.abspath(osp.expanduser(cfg.DATASET.ROOT)), name)
    if not osp.isdir(folder):
        raise FileNotFoundError(
            f"no folder {folder}; download {cfg.DATASET.NAME} from {url} and unpack it there"
        )
    return folder


class ClassFolders:
    """Reads folders of class folders; a class's label is its place in the sorted names.

    Args:
        images: which files are images; hidden ones never are.
        classname: from a folder's name to the class's name.
    """

    def __init__(self, images: str = "*", classname: Callable[[str], str] = str):
        self.images, self.classname = images, classname
        self.classes: list[str] = []
        self.first = ""  # the folder that they were found in

    def read(self, folders: Iterable[tuple[int, str]]) -> list[Datum]:
        """The items of these folders, each with the number of its domain; names in sorted order.

        Raises:
            FileNotFoundError: a folder is missing.
            ValueError: a folder has other classes than the first one, so that labels would differ.
        """
        return [item for domain, folder in folders for item in self._items(domain, folder)]

    def _items(self, domain: int, folder: str) -> Iterable[Datum]:
        if not osp.isdir(folder):
            raise FileNotFoundError(f"no folder {folder}, of class folders")
        names = listdir_nohidden(folder, sort=True)
        classes = [name for name in names if osp.isdir(osp.join(folder, name))]
        if not self.first:
            self.classes, self.first = classes, folder
        if different := sorted({*classes} ^ {*self.classes}):
            raise ValueError(
                f"{folder} and {self.first} must have the same class folders; one of them lacks "
                f"{different[0]}"
            )
        for label, name in enumerate(classes):
            pattern = osp.join(glob.escape(osp.join(folder, name)), self.images)
            for path in sorted(glob.glob(pattern)):
                yield Datum(path, label, domain, self.classname(name))


def read_list(
    file: str, folder: str, domain: int, first_label: int = 0, without: Iterable[str] = ()
) -> list[Datum]:
    """The items of a text file, `path label` a line; the last folder of a path is its class.

    Args:
        folder: paths are relative to it.
        first_label: the file's number of label 0.
        without: paths that are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is something else.
    """
    if not osp.isfile(file):
        raise FileNotFoundError(f"no file {file}, a list of images and labels")
    items = []
    with open(file, encoding="utf-8") as lines:
        for number, line in enumerate(filter(str.strip, lines), 1):
            path, _, label = line.strip().rpartition(" ")
            if not path or not label.isdecimal() or int(label) < first_label:
                raise ValueError(f"{file}, line {number}: {line.strip()!r} is not a path and label")
            if path not in without:
                classname = osp.basename(osp.dirname(path))
                impath = osp.join(folder, path)
                items.append(Datum(impath, int(label) - first_label, domain, classname))
    return items
