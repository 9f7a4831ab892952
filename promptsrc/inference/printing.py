"""Predictions on standard output: a table, CSV or JSON. A progress bar is on standard error."""

import json
import logging
import sys
import textwrap
import warnings
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from promptsrc.command import leave_stdout
from promptsrc.escape import csv_line, printable
from promptsrc.inference.classifier import Classifier, Prediction
from promptsrc.inference.loading import processes_for
from promptsrc.inference.tally import Tally

LONGEST = 48  # characters of a path in the table


def classify(
    classifier: Classifier,
    files: Sequence[Path],
    classnames: Sequence[str] | None = None,
    form: str | None = None,
    top: int = 5,
    batch_size: int = 32,
    trained_on: Container[str] = (),
) -> int:
    """Print the `top` classes of each image, and a summary; 1 if some are unreadable, else 0.

    Args:
        form: "csv", "json" or None, a table. With the first two the summary is on standard error.
        trained_on: the fingerprints of images to mark, since the prompts were trained on them.
    """
    processes = processes_for(classifier.device.type, len(files))
    tally = Tally(trained_on, classifier.preprocess.read_as == "stored")
    with quiet(), tqdm(total=len(files), unit="image", leave=False, disable=None) as bar:

        def skip(error: OSError) -> None:
            tally.unreadable += 1
            bar.update()
            with tqdm.external_write_mode(sys.stderr):
                print(f"skipped: {printable(str(error))}", file=sys.stderr)

        def shown() -> Iterator[Prediction]:
            for found in classifier.predictions(files, classnames, batch_size, skip, processes):
                bar.update()
                tally.add(found)
                with tqdm.external_write_mode():  # results and bar take turns
                    yield found._replace(classes=found.classes[:top])

        try:
            if form is None:
                print_table(shown(), files, classifier.names(classnames), tally.known)
            elif form == "json":
                print_json(shown(), tally.known)
            else:
                print_csv(shown())
            sys.stdout.flush()
        except BrokenPipeError:  # `head` has seen enough, which is not a failure
            leave_stdout()
            return 0
    if note := tally.note_on_turned():
        print(note, file=sys.stderr)
    if form is None:
        print(f"\n{tally.summary()}")
    else:
        print(tally.summary(), file=sys.stderr)
    return int(tally.unreadable > 0)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of libraries, such as Pillow's on odd metadata."""
    pillow = logging.getLogger("PIL")
    level = pillow.level
    pillow.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        pillow.setLevel(level)


def print_table(
    predictions: Iterable[Prediction],
    files: Iterable[Path],
    names: Iterable[str],
    known: Container[Path | None] = (),
) -> None:
    """Aligned, given all files and class names; of a long path the end is shown."""
    path_width = max(len(shortened(file)) for file in files)
    name_width = max(len(printable(name)) for name in names)
    for image, classes in predictions:
        row = "  ".join(f"{found:6.1%} {printable(name):<{name_width}}" for name, found in classes)
        mark = "  (trained on)" * (image in known)
        print(f"{shortened(image):<{path_width}}  {row}{mark}".rstrip())


def shortened(path: Path | None) -> str:
    """A path in at most LONGEST printable characters."""
    text = printable(str(path))
    return text if len(text) <= LONGEST else f"...{text[3 - LONGEST :]}"


def print_csv(predictions: Iterable[Prediction]) -> None:
    """Names are exact in a file or pipe, except those that a spreadsheet would run as formulas."""
    out = sys.stdout if sys.stdout.isatty() else getattr(sys.stdout, "exact", sys.stdout)
    print(csv_line(["image", "class", "probability"]), end="", file=out)
    for image, classes in predictions:
        for found in classes:
            print(csv_line([image, *found]), end="", file=out)


def print_json(predictions: Iterable[Prediction], known: Container[Path | None] = ()) -> None:
    """A list, image by image."""
    start = "["
    for image, classes in predictions:
        found: dict[str, object] = {"image": str(image)}
        found["classes"] = [c._asdict() for c in classes]
        if image in known:
            found["trained_on"] = True
        text = textwrap.indent(json.dumps(found, indent=1), " ")
        print(f"{start}\n{text}", end="", flush=True)
        start = ","
    print("\n]" if start == "," else "[]")
