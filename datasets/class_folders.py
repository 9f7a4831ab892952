"""Class folders: their class names, and the images in them. Imports nothing heavy."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from datasets.files import class_folders, read_json, visible_files
from datasets.shots import CACHE_FOLDER
from datasets.splits import Item
from promptsrc.escape import printable
from promptsrc.inference.endings import can_read
from promptsrc.inference.listing import described, images_below, no_images


def read_classes(folder: Path, names_file: Path | str) -> dict[str, str]:
    """Class names by folder, sorted by folder.

    Raises:
        FileNotFoundError: there is no such file of names.
        ValueError: there are no class folders, or one has no name in the file, or a name that is
            not UTF-8.
    """
    folders = folders_in(folder)
    if not folders:
        raise ValueError(
            f"{folder} has no class folders; put the images of each class into their own folder"
        )
    if not names_file:
        return {name: name for name in folders}
    if not Path(names_file).is_file():
        raise FileNotFoundError(f"no file {names_file} (DATASET.CLASS_NAMES)")
    names = read_json(Path(names_file))
    if not isinstance(names, dict):
        names = {}
    if absent := [
        name for name in folders if not isinstance(names.get(name), str) or not names[name].strip()
    ]:
        raise ValueError(
            f"{names_file} (DATASET.CLASS_NAMES) has no name for folder {absent[0]!r}; "
            'it needs {"folder": "class name"} for all class folders'
        )
    return {name: names[name] for name in folders}


def folders_in(folder: Path) -> list[str]:
    """The names of class folders.

    Raises:
        ValueError: one is not UTF-8.
    """
    names = [name for name in class_folders(folder) if name != CACHE_FOLDER]
    if odd := [name for name in names if name != name.encode(errors="replace").decode()]:
        raise ValueError(
            f"folder {printable(odd[0])!r} in {folder} has a name that is not UTF-8; rename it"
        )
    return names


class Reader:
    """Reads class folders, and counts what it passes over."""

    def __init__(self, folder: Path, classes: dict[str, str]):
        self.folder, self.classes = folder, classes
        self.passed_over: Counter[str] = Counter()
        self.nested: list[str] = []

    def items(self, part: str) -> list[Item]:
        """The images of a part, class by class.

        Args:
            part: its folder; empty: the dataset's own.

        Raises:
            ValueError: a folder is not a class, or a class has no images, or the only class is the
                folder of the classes.
        """
        place = self.folder / part
        if unknown := [name for name in folders_in(place) if name not in self.classes]:
            raise ValueError(
                f"{place / unknown[0]} is not a class: train/ has no such folder; add it or "
                "remove this one"
            )
        loose = [f for f in visible_files(place) if can_read(f) and (place / f).is_file()]
        self.passed_over += Counter({"outside the class folders": len(loose)})
        items = []
        for label, (name, classname) in enumerate(self.classes.items()):
            if (place / name).is_dir():
                items += [Item(path, label, classname) for path in self._images(part, name)]
        return items

    def _images(self, part: str, name: str) -> list[str]:
        place = self.folder / part / name
        images, passed_over = images_below(place)
        if not images:
            raise ValueError(f"{place} {no_images(passed_over)}; add some")
        if len(self.classes) == 1 and all("/" in image for image in images):
            raise ValueError(
                f"{place} is the only class folder, and its images are in folders below it; if "
                "those are the classes, move them up, or name it as --root or DATASET.FOLDER"
            )
        self.passed_over += passed_over
        paths = [f"{part}/{name}/{image}".lstrip("/") for image in images]
        self.nested += [path for path, image in zip(paths, images, strict=True) if "/" in image]
        return paths

    def pass_over_folders(self, names: Iterable[str]) -> None:
        """Count folders beside train/ and test/."""
        for name in set(names) - {CACHE_FOLDER}:
            self.passed_over[f"folder {name}/ beside train/ and test/"] += 1

    def say(self) -> None:
        """Print what was passed over, and what lies deeper than in the class folders."""
        if text := described(self.passed_over):
            print(printable(f"{self.folder}: {text}"))
        if self.nested:
            line = (
                f"{self.folder}: {len(self.nested):,} images are in folders below the class "
                f"folders, such as {self.nested[0]}"
            )
            print(printable(line))
