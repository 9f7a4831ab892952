"""Predictions on standard output: a table, CSV or JSON. A progress bar is on standard error."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path

from tqdm import tqdm

from promptsrc.inference.classifier import Classifier, Prediction


def classify(
    classifier: Classifier,
    files: Sequence[Path],
    classnames: Sequence[str] | None = None,
    form: str | None = None,
    top: int = 5,
    batch_size: int = 32,
) -> int:
    """Print the `top` classes of each image; 1 if some images are unreadable, else 0.

    Args:
        form: "csv", "json" or None, a table.
    """
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not fit its encoding
    name_width = max(map(len, classifier.model(classnames).classnames))
    unreadable = []
    with tqdm(total=len(files), unit="image", leave=False, disable=None) as bar:

        def skip(error: OSError) -> None:
            unreadable.append(error)
            bar.update()
            with tqdm.external_write_mode(sys.stderr):
                print(f"skipped: {error}", file=sys.stderr)

        def shown() -> Iterator[Prediction]:
            for image, classes in classifier.predictions(files, classnames, batch_size, skip):
                bar.update()
                with tqdm.external_write_mode():  # results and bar take turns
                    yield Prediction(image, classes[:top])

        if form == "json":
            print_json(shown())
        elif form == "csv":
            print_csv(shown())
        else:
            print_table(shown(), max(len(str(file)) for file in files), name_width)
    if unreadable:
        print(f"{len(unreadable)} of {len(files)} images could not be read", file=sys.stderr)
    return int(bool(unreadable))


def print_table(predictions: Iterable[Prediction], path_width: int, name_width: int) -> None:
    for image, classes in predictions:
        row = "  ".join(f"{probability:6.1%} {name:<{name_width}}" for name, probability in classes)
        print(f"{image!s:<{path_width}}  {row}".rstrip())


def print_csv(predictions: Iterable[Prediction]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "class", "probability"])
    for image, classes in predictions:
        writer.writerows((image, *found) for found in classes)


def print_json(predictions: Iterable[Prediction]) -> None:
    found = [
        {"image": str(image), "classes": [c._asdict() for c in classes]}
        for image, classes in predictions
    ]
    print(json.dumps(found, indent=1))
