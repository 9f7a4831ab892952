"""What the datasets share: where their files are, and the way from a split to Dassl's items.

    folder -> split file, or a split drawn from raw files -> shots -> base or new classes -> Datum

A dataset's own file says where its images are and how its raw files are read.
"""

import os
import random
from itertools import count, islice
from pathlib import Path

from dassl.data.datasets import DatasetBase, Datum
from yacs.config import CfgNode

from datasets.duplicates import check_duplicates
from datasets.files import class_folders, read_rows, visible_files, write_new
from datasets.opened import readable
from datasets.places import published_folder, where_it_belongs
from datasets.shots import Shots, cache_file, fingerprint, read_pickle, read_shots, store_shots
from datasets.splits import Item, Split, by_label, class_half, cut, read_split, split_text
from promptsrc.escape import printable

VAL_SHOTS = 4  # at most, per class


class FewShotDataset(DatasetBase):
    """Few shots and class halves of a split.

    Raises:
        ValueError: NUM_SHOTS or SUBSAMPLE_CLASSES is invalid, or a class has no training image.
        FileNotFoundError: images are missing.
    """

    needs_test = True

    def __init__(self, cfg: CfgNode, folder: Path, split: Split):
        self.dataset_dir = str(folder)
        check_no_domains(cfg)
        if cfg.DATASET.NUM_SHOTS < -1:
            shots = cfg.DATASET.NUM_SHOTS
            raise ValueError(f"DATASET.NUM_SHOTS is {shots}; give images per class, or -1 for all")
        if cfg.DATASET.NUM_SHOTS >= 1:
            split = self._shots_of_seed(folder, split, cfg.DATASET.NUM_SHOTS, cfg.SEED)
        which = cfg.DATASET.SUBSAMPLE_CLASSES
        has_new = which == "base" and len({item.label for item in split.train}) > 1
        self._new = class_half(split, "new") if has_new else None
        split = class_half(split, which)
        check_labels(split, folder, self.needs_test)
        super().__init__(
            train_x=datums(folder, split.train),
            val=split.val and datums(folder, split.val),
            test=datums(folder, split.test),
        )

    def new_half(self, part: str) -> tuple[list[str], list[Datum]]:
        """Beside base classes: the names of the new ones, and their images of "val" or "test".

        Raises:
            FileNotFoundError: images are missing.
        """
        if self._new is None:
            return [], []
        names = {item.label: item.classname for item in self._new.train}
        items = datums(Path(self.dataset_dir), getattr(self._new, part) or [])
        return [names[label] for label in sorted(names)], items

    def _shots_of_seed(self, folder: Path, split: Split, shots: int, seed: int) -> Split:
        """The cached shots of this seed, or new ones; of all classes.

        A pickled cache, which CoOp-style repositories write, takes precedence over ours.
        """
        path = cache_file(folder, shots, seed)
        chosen = read_pickle(path.with_suffix(".pkl"))
        if chosen is None:
            digest = fingerprint(split)
            chosen = read_shots(path, digest)
            chosen = chosen or store_shots(path, digest, self._draw_shots(split, shots))
        return split._replace(**chosen)

    def _draw_shots(self, split: Split, shots: int) -> Shots:
        """Shots of train, then of val. The random state is restored, so a cache changes nothing."""
        state = random.getstate()
        drawn = {"train": self.generate_fewshot_dataset(split.train, num_shots=shots)}
        if split.val:
            drawn["val"] = self.generate_fewshot_dataset(split.val, num_shots=min(shots, VAL_SHOTS))
        random.setstate(state)
        return drawn


class OwnDataset(FewShotDataset):
    """Your own images: each is opened once before a training, and copies are found.

    Without training images they are for tests only: their classes are those of the test images.

    Raises:
        OSError: images are unreadable.
        ValueError: DATASET.BAD_IMAGES is invalid, or DATASET.REFUSE_DUPLICATES is set and there
            are copies.
    """

    needs_test = False

    def __init__(self, cfg: CfgNode, folder: Path, split: Split):
        if not split.test and "READ_AS" not in cfg.INPUT:
            raise ValueError(f"{folder} has no test part, which Dassl.pytorch needs; add one")
        split = readable(split, folder, cfg)
        if untested := without_test(split):
            print(printable(f"Classes without test images: {untested}"))
        check_duplicates(split, folder, cfg.DATASET.REFUSE_DUPLICATES)
        self.only_for_tests = not split.train
        if self.only_for_tests:
            split = split._replace(train=split.test)
        super().__init__(cfg, folder, split)


class BenchmarkDataset(FewShotDataset):
    """A published dataset, in the folder `dataset_dir` of DATASET.ROOT."""

    image_dir = ""  # paths of the split file are relative to it
    required: tuple[str, ...] = ()  # files and folders in dataset_dir

    def __init__(self, cfg: CfgNode):
        folder = find_folder(type(self), cfg.DATASET.ROOT)
        super().__init__(cfg, folder, self.load(folder))

    @classmethod
    def missing(cls, folder: Path) -> list[str]:
        """The required files and folders that are not there."""
        return [name for name in cls.required if not (folder / name).exists()]

    @classmethod
    def load(cls, folder: Path) -> Split:
        """The split of a run."""
        return cls.read(folder)

    @classmethod
    def read(cls, folder: Path) -> Split:
        """The split in the files, or one drawn from them; writes nothing."""
        raise NotImplementedError


class SplitFileDataset(BenchmarkDataset):
    """A dataset with a split file, `split_zhou_<registered name>.json`.

    Without the file, a split is drawn from the raw files and stored there.
    """

    raw: tuple[str, ...] = ()  # files that are required only without a split file

    @classmethod
    def split_file(cls, folder: Path) -> Path:
        """Where the split file is, or would be."""
        return folder / f"split_zhou_{cls.__name__}.json"

    @classmethod
    def missing(cls, folder: Path) -> list[str]:
        """The required files and folders that are not there, raw files without a split file."""
        raw = () if cls.split_file(folder).exists() else cls.raw
        return [name for name in (*cls.required, *raw) if not (folder / name).exists()]

    @classmethod
    def load(cls, folder: Path) -> Split:
        """The split in the file; a new split is stored there, unless another run was first."""
        file = cls.split_file(folder)
        if file.exists():
            return cls.read(folder)
        state = random.getstate()
        split = cls.read_raw(folder)
        try:
            write_new(file, split_text(split, cls.image_dir))
        except OSError as error:
            print(
                f"cannot write {file} ({error.strerror}): each run draws its split, the same for "
                "the same seed"
            )
            return split
        stored = read_split(file, cls.image_dir)
        if stored != split:
            random.setstate(state)  # as if the other run's file had been there from the start
        return stored

    @classmethod
    def read(cls, folder: Path) -> Split:
        """The split in the file, or one drawn from the raw files; writes nothing."""
        file = cls.split_file(folder)
        return read_split(file, cls.image_dir) if file.exists() else cls.read_raw(folder)

    @classmethod
    def read_raw(cls, folder: Path) -> Split:
        """A split drawn from the raw files with the module `random`."""
        raise NotImplementedError


class ClassFolderDataset(SplitFileDataset):
    """One folder of images per class. A new split is 50 % train, 20 % val and 30 % test."""

    ignored: tuple[str, ...] = ()  # folders that are not classes
    renamed: dict[str, str] = {}  # {folder: class name} where they differ

    @classmethod
    def read_raw(cls, folder: Path) -> Split:
        names = [name for name in class_folders(folder / cls.image_dir) if name not in cls.ignored]
        groups = [
            folder_items(folder, f"{cls.image_dir}/{name}", label, cls.renamed.get(name, name))
            for label, name in enumerate(names)
        ]
        return Split(*cut(groups, (0.5, 0.2)))


class TestOnlyDataset(BenchmarkDataset):
    """A dataset to test on: train and test are all of it, for any shots and classes."""

    __test__ = False  # pytest takes the name for a test
    only_for_tests = True

    def __init__(self, cfg: CfgNode):
        folder = find_folder(type(self), cfg.DATASET.ROOT)
        self.dataset_dir = str(folder)
        check_no_domains(cfg)
        split = self.read(folder)
        items = datums(folder, split.test)
        DatasetBase.__init__(self, train_x=items, test=items)


def check_no_domains(cfg: CfgNode) -> None:
    """
    Raises:
        ValueError: domains are named, which no dataset of ours has.
    """
    for key in ("SOURCE_DOMAINS", "TARGET_DOMAINS"):
        if cfg.DATASET[key]:
            raise ValueError(
                f"DATASET.{key} is {cfg.DATASET[key]}, but {cfg.DATASET.NAME} has no domains; "
                "leave it out"
            )


def find_folder(dataset: type[BenchmarkDataset], root: str) -> Path:
    """The dataset's folder, absolute.

    Raises:
        FileNotFoundError: it is not there, or a file in it.
    """
    folder = published_folder(dataset.__name__, dataset.dataset_dir, root)
    if missing := dataset.missing(folder):
        hint = where_it_belongs(dataset.__name__, folder.parent)
        raise FileNotFoundError(f"{dataset.__name__}: {folder} has no {', '.join(missing)}; {hint}")
    return folder


def train_val(trainval: list[Item], test: list[Item]) -> Split:
    """The published test part; of the rest, 20 % of each class for validation."""
    val, train = cut(by_label(trainval), (0.2,))
    return Split(train, val, test)


def folder_items(folder: Path, subfolder: str, label: int, classname: str) -> list[Item]:
    """The images in the folder of a class, by name.

    Raises:
        ValueError: the folder is empty.
    """
    names = visible_files(folder / subfolder)
    if not names:
        raise ValueError(
            f"{folder / subfolder} has no images; fill it, or remove it if it is not a class"
        )
    return [Item(f"{subfolder}/{name}", label, classname) for name in names]


def read_classnames(folder: Path) -> list[tuple[str, str]]:
    """ImageNet's (wnid, class name) pairs, in the order of `classnames.txt`."""
    return read_rows(folder / "classnames.txt", r"(\S+)\s+(.+)", "'<wnid> <class name>'")


def wnid_items(folder: Path, image_dir: str) -> list[Item]:
    """The images in a folder of wnid folders; labels are positions among the sorted folders.

    Raises:
        ValueError: a folder is not in `classnames.txt`.
    """
    names = dict(read_classnames(folder))
    items = []
    for label, wnid in enumerate(class_folders(folder / image_dir)):
        if wnid not in names:
            raise ValueError(
                f"{folder / image_dir / wnid} is not a wnid in {folder / 'classnames.txt'}; "
                "remove it"
            )
        items += folder_items(folder, f"{image_dir}/{wnid}", label, names[wnid])
    if not items:
        raise ValueError(f"{folder / image_dir} has no class folders; it needs one per wnid")
    return items


def without_test(split: Split) -> str:
    """The first classes that have no test images, if others have some."""
    tested = {item.label for item in split.test}
    names = sorted({item.classname for item in split.train if item.label not in tested})
    return ", ".join(names[:5]) + ", ..." * (len(names) > 5) if tested else ""


def check_labels(split: Split, folder: Path, needs_test: bool = True) -> None:
    """Check a split.

    Raises:
        ValueError: a class has no training image, labels have gaps, or the test part that it needs
            is empty.
    """
    trained = {item.label for item in split.train}
    named = {item.label: item.classname for part in split for item in part or ()}
    missing = max([*named, 0]) + 1 - len(trained)  # a label may be huge: count, do not list
    if missing > 0:
        untrained = (label for label in count() if label not in trained)
        some = islice(untrained, min(5, missing))
        names = ", ".join(f"{label} ({named.get(label, 'no image at all')})" for label in some)
        raise ValueError(
            f"{folder}: {missing} of the labels have no training image: {names}; "
            "complete the training part of the split, or remove these classes from it"
        )
    if needs_test and not split.test:
        raise ValueError(f"{folder}: the test part of the split is empty; give it images")


def datums(folder: Path, items: list[Item]) -> list[Datum]:
    """Dassl's items.

    Raises:
        FileNotFoundError: images are missing.
    """
    paths = [os.path.join(folder, item.path) for item in items]
    if absent := [path for path in paths if not os.path.isfile(path)]:
        raise FileNotFoundError(
            f"{len(absent):,} of {len(paths):,} images are missing, the first is {absent[0]}; "
            "restore them, or correct the file that lists them (published datasets: `python -m "
            f"datasets.check --root {folder.parent}` says more)"
        )
    return [
        Datum(impath=p, label=i.label, classname=i.classname)
        for p, i in zip(paths, items, strict=True)
    ]
