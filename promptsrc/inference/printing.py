"""Predictions on standard output: a table, CSV or JSON. A progress bar is on standard error."""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from promptsrc.command import leave_stdout
from promptsrc.escape import csv_line, printable
from promptsrc.inference.classifier import Classifier, Prediction
from promptsrc.inference.reader import is_turned


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
    unreadable, turned, stored = [], 0, classifier.preprocess.read_as == "stored"
    with tqdm(total=len(files), unit="image", leave=False, disable=None) as bar:

        def skip(error: OSError) -> None:
            unreadable.append(error)
            bar.update()
            with tqdm.external_write_mode(sys.stderr):
                print(f"skipped: {printable(str(error))}", file=sys.stderr)

        def shown() -> Iterator[Prediction]:
            nonlocal turned
            for image, classes in classifier.predictions(files, classnames, batch_size, skip):
                bar.update()
                turned += stored and image is not None and is_turned(image)
                with tqdm.external_write_mode():  # results and bar take turns
                    yield Prediction(image, classes[:top])

        try:
            if form is None:
                print_table(shown(), files, classifier.names(classnames))
            else:
                {"json": print_json, "csv": print_csv}[form](shown())
            sys.stdout.flush()
        except BrokenPipeError:  # `head` has seen enough, which is not a failure
            leave_stdout()
            return 0
    if turned:
        print(
            f"{turned} of {len(files)} images have an EXIF orientation, which is not applied: the "
            "prompts were trained on images as they are stored (INPUT.READ_AS)",
            file=sys.stderr,
        )
    if unreadable:
        print(f"{len(unreadable)} of {len(files)} images could not be read", file=sys.stderr)
    return int(bool(unreadable))


def print_table(
    predictions: Iterable[Prediction], files: Iterable[Path], names: Iterable[str]
) -> None:
    """Aligned, given all files and class names."""
    path_width, name_width = (max(len(printable(str(x))) for x in xs) for xs in (files, names))
    for image, classes in predictions:
        row = "  ".join(f"{found:6.1%} {printable(name):<{name_width}}" for name, found in classes)
        print(f"{printable(str(image)):<{path_width}}  {row}".rstrip())


def print_csv(predictions: Iterable[Prediction]) -> None:
    """Names are exact in a file or pipe, except those that a spreadsheet would run as formulas."""
    out = sys.stdout if sys.stdout.isatty() else getattr(sys.stdout, "exact", sys.stdout)
    print(csv_line(["image", "class", "probability"]), end="", file=out)
    for image, classes in predictions:
        for found in classes:
            print(csv_line([image, *found]), end="", file=out)


def print_json(predictions: Iterable[Prediction]) -> None:
    """A list, image by image."""
    start = "["
    for image, classes in predictions:
        found = {"image": str(image), "classes": [c._asdict() for c in classes]}
        text = textwrap.indent(json.dumps(found, indent=1), " ")
        print(f"{start}\n{text}", end="", flush=True)
        start = ","
    print("\n]" if start == "," else "[]")
