"""What people have instead of a dataset's files: archives, renamed folders, folders in folders."""

from collections.abc import Iterator
from pathlib import Path

from datasets.base import BenchmarkDataset
from datasets.check.published import PUBLISHED, letters
from datasets.files import class_folders

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".rar", ".7z")


def advice(dataset: type[BenchmarkDataset], root: Path) -> list[str]:
    """What may be the dataset, and what to do about it."""
    folder = root / dataset.dataset_dir
    finders = (renamed_folders, other_downloads, moved_files, unpacked_twice, packed_files)
    return [f"found {line}" for find in finders for line in find(dataset, root, folder)]


def renamed_folders(dataset: type[BenchmarkDataset], root: Path, folder: Path) -> Iterator[str]:
    """The dataset folder under another name."""
    names = {
        letters(name)
        for name in (dataset.dataset_dir, dataset.__name__, *PUBLISHED[dataset.__name__].aliases)
    }
    for name in class_folders(root):
        if name == folder.name or letters(name) not in names:
            continue
        whole = any((root / name / path).exists() for path in dataset.required)
        yield f"{name}/: " + (
            f"rename it to {folder.name}/"
            if whole
            else f"if it is this dataset, {folder.name}/ needs {_list(dataset)}"
        )


def other_downloads(dataset: type[BenchmarkDataset], root: Path, folder: Path) -> Iterator[str]:
    """The look-alikes that are known of this dataset."""
    for pattern, remedy in PUBLISHED[dataset.__name__].lookalikes.items():
        if first := next(root.glob(pattern), None):
            yield f"{first.relative_to(root)}: {remedy}"


def moved_files(dataset: type[BenchmarkDataset], root: Path, folder: Path) -> Iterator[str]:
    """Missing files that are elsewhere: too deep, one level up, or with another dataset."""
    for name in dataset.missing(folder):
        places = [
            *folder.glob(f"*/{name}"),
            *folder.glob(f"*/*/{name}"),
            *folder.glob(f"*/{Path(name).name}"),
        ]
        if name != "images":
            places.append(root / name)
        if name == "classnames.txt":
            places += root.glob(f"imagenet*/{name}")
        if place := next((place for place in places if place.exists()), None):
            verb = "copy" if name == "classnames.txt" else "move"
            yield f"{place.relative_to(root)}: {verb} it to {folder.name}/{name}"


def unpacked_twice(dataset: type[BenchmarkDataset], root: Path, folder: Path) -> Iterator[str]:
    """A folder that holds only a folder of the same name."""
    for path in dataset.required:
        if (folder / path).is_dir() and class_folders(folder / path) == [Path(path).name]:
            inner = Path(folder.name, path, Path(path).name)
            yield f"{inner}/, unpacked twice: move its content up to {inner.parent}/"


def packed_files(dataset: type[BenchmarkDataset], root: Path, folder: Path) -> Iterator[str]:
    """Archives that nobody has unpacked."""
    for name in sorted(path.name for path in folder.glob("*") if path.name.endswith(ARCHIVES)):
        yield f"{folder.name}/{name}: unpack it in {folder.name}/"


def _list(dataset: type[BenchmarkDataset]) -> str:
    return ", ".join(dataset.required)
