"""Classify images with the prompts of a run.

    python predict.py --model-dir output/run photos more/cat.jpg
    python predict.py --model-dir output/run photos --classnames "red fox,badger" --csv > found.csv

--model-dir is a run's folder (its final prompts), a checkpoint in it, or a safetensors file of
prompts. The classes are those trained on, or any others. Exit code: 0 all images classified, 1 some
images unreadable or a failure, 2 an invalid command line, 130 stopped.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from promptsrc.command import Parser, checking_the_command, exit_code, positive, stop_like_ctrl_c
from promptsrc.inference import classnames, listing, prompt_path
from runs import items


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE_OR_FOLDER", help="or all images below it")
    add("--model-dir", required=True, metavar="RUN", help="folder, checkpoint or safetensors file")
    classnames.add_arguments(parser)
    add("--top", type=positive, default=5, help="classes to print per image (default: 5)")
    json = '[{"image", "classes": [{"name", "probability"}]}]'
    form = parser.add_mutually_exclusive_group().add_argument
    form("--json", dest="form", action="store_const", const="json", help=json)
    form("--csv", dest="form", action="store_const", const="csv", help="image,class,probability")
    add("--backbone", help="its file of weights, if that has moved")
    add("--device", help="cpu, cuda, cuda:1 (default: a GPU if there is one)")
    add("--batch-size", type=positive, default=32, help="images at a time (default: 32)")
    args = parser.parse_args(argv)
    return exit_code(lambda: predict(args), memory_hint="use a smaller --batch-size")


def predict(args: argparse.Namespace) -> int:
    """Print the classes of each image; 1 if some images are unreadable."""
    with checking_the_command():
        names = classnames.chosen(args)
    files = listing.image_files(args.images, (notes := []).append)  # printed if all else is fine
    prompt_path.given(args.model_dir)
    from promptsrc.inference import classifier, printing  # imports PyTorch

    with redirect_stdout(sys.stderr):  # notes about weights and precision are not results
        loaded = classifier.load(args.model_dir, args.device, backbone=args.backbone)
        loaded.model(names)  # also notes about the classes
        print("\n".join(notes), end="\n" * bool(notes))
    known = items.trained_on(args.model_dir)
    return printing.classify(loaded, files, names, args.form, args.top, args.batch_size, known)


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
