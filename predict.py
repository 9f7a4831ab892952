"""Classify images with what a run has learned.

    python predict.py --model-dir output/run photos more/cat.jpg
    python predict.py --model-dir output/run photos --classnames "red fox,badger,otter" --csv > found.csv

--model-dir is a run's folder (its final prompts), a checkpoint in it, or a safetensors file of prompts. The classes are those trained
on, or any others. Exit code: 0 all images classified, 1 some unreadable, or a failure, 2 a command that cannot be meant, 130 stopped.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from promptsrc.command import Parser, one_line
from promptsrc.inference import classnames

if TYPE_CHECKING:
    from promptsrc.inference.classifier import Prediction


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add(
        "images",
        nargs="+",
        type=Path,
        metavar="IMAGE_OR_FOLDER",
        help="images; of a folder all below it",
    )
    add(
        "--model-dir",
        required=True,
        metavar="RUN",
        help="folder of a run, checkpoint or safetensors file",
    )
    classnames.add_arguments(parser)
    add("--top", type=_positive, default=5, help="classes to say of each image (default: 5)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help='[{"image", "classes": [{"name", "probability"}]}]'
    )
    form.add_argument(
        "--csv", action="store_true", help="a row image,class,probability for each class said"
    )
    add("--backbone", help="where its weights are, when they are a file that has moved")
    add("--device", help="cpu, cuda, cuda:1 (default: a GPU where there is one)")
    add("--batch-size", type=_positive, default=32, help="images at a time (default: 32)")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"invalid whole number above 0: {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    if (
        sys.stdout.errors == "strict"
    ):  # a file's name may hold what the terminal's encoding does not
        sys.stdout.reconfigure(errors="backslashreplace")
    stage = 2
    try:
        names = classnames.chosen(args)
        stage = 1
        return predict(args, names)
    except BrokenPipeError:  # whoever read, such as `head`, has enough
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # and Python's last flush goes there
        return stage
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except RuntimeError as error:
        if (
            type(error).__name__ != "OutOfMemoryError"
        ):  # PyTorch's, which is not imported for --help
            raise
        print(
            f"error: {args.device or 'the GPU'} has too little memory; try a smaller --batch-size",
            file=sys.stderr,
        )
        return stage
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return stage


def predict(args: argparse.Namespace, names: list[str] | None) -> int:
    """Print what each image shows; 1 when some could not be read."""
    from tqdm import tqdm

    from promptsrc.inference.classifier import load
    from promptsrc.inference.images import image_files

    files = image_files(args.images)
    with redirect_stdout(sys.stderr):  # notes about weights and precision are no results
        classifier = load(args.model_dir, args.device, backbone=args.backbone)
        width = max(map(len, classifier.model(names).classnames))
    unreadable = 0
    with tqdm(total=len(files), unit="image", leave=False, disable=None) as bar:

        def skip(error: OSError) -> None:
            nonlocal unreadable
            unreadable += 1
            bar.update()
            with tqdm.external_write_mode(sys.stderr):
                print(f"skipped: {error}", file=sys.stderr)

        def watched() -> Iterator["Prediction"]:
            for prediction in classifier.predictions(files, names, args.batch_size, skip):
                bar.update()
                with (
                    tqdm.external_write_mode()
                ):  # what is printed meanwhile does not run into the bar
                    yield prediction._replace(classes=prediction.classes[: args.top])

        if args.json:
            print_json(watched())
        elif args.csv:
            print_csv(watched())
        else:
            print_table(watched(), max(len(str(file)) for file in files), width)
    if unreadable:
        print(f"{unreadable} of {len(files)} images could not be read", file=sys.stderr)
    return int(unreadable > 0)


def print_table(predictions: Iterable["Prediction"], path_width: int, name_width: int) -> None:
    for image, classes in predictions:
        row = "  ".join(f"{probability:6.1%} {name:<{name_width}}" for name, probability in classes)
        print(f"{image!s:<{path_width}}  {row}".rstrip())


def print_csv(predictions: Iterable["Prediction"]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "class", "probability"])
    for image, classes in predictions:
        writer.writerows((image, *found) for found in classes)


def print_json(predictions: Iterable["Prediction"]) -> None:
    found = [
        {"image": str(image), "classes": [c._asdict() for c in classes]}
        for image, classes in predictions
    ]
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    sys.exit(main())
