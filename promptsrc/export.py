"""Write what a run has learned for use elsewhere; the file's ending chooses what.

    python -m promptsrc.export RUN prompts.safetensors    the prompts alone: kilobytes, for any class names
    python -m promptsrc.export RUN classifier.onnx        images -> logits of these classes, for onnxruntime (pip install .[onnx])
    python -m promptsrc.export RUN classifier.pt2         the same as a torch.export program
    python -m promptsrc.export RUN classes.npz            the class matrix alone, as open_clip's zero-shot classifiers have it

RUN is a run's folder (its final prompts), a checkpoint, or a safetensors file of prompts. The classes are those trained on, or
--classnames.

A checkpoint of another implementation does not say what it is for: --backbone ViT-B/16 --ctx-init "a photo of a", and for CoOp
--class-token-position. An empty --ctx-init stands for a start without words.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from promptsrc.checkpoint import read_checkpoint
from promptsrc.command import Parser, one_line
from promptsrc.inference import classnames
from promptsrc.inference.classifier import Classifier
from promptsrc.inference.formats import write_class_weights, write_onnx, write_program
from promptsrc.inference.prompt_file import (
    SharedPrompts,
    described,
    final_checkpoint,
    read_prompts,
    write_prompts,
)
from promptsrc.prompts.context import POSITIONS

PROMPTS = ".safetensors"
WRITERS = {".onnx": write_onnx, ".pt2": write_program, ".npz": write_class_weights}
ENDINGS = ", ".join([PROMPTS, *WRITERS])


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the file is written, 1 with a line that says why not, 2 for a command that cannot be meant."""
    parser = Parser(__doc__)
    parser.add_argument(
        "checkpoint", metavar="RUN", help="folder of a run, checkpoint or safetensors file"
    )
    parser.add_argument("file", help=f"ends in {ENDINGS}")
    classnames.add_arguments(parser)
    parser.add_argument("--backbone", help="of a checkpoint that does not say it")
    parser.add_argument("--ctx-init", help="words that its context started from")
    parser.add_argument(
        "--class-token-position",
        default="end",
        choices=POSITIONS,
        help="CoOp's, in such a checkpoint",
    )
    args = parser.parse_args(argv)
    if (args.backbone is None) != (args.ctx_init is None):
        parser.error(
            "--backbone and --ctx-init belong together: they say what the checkpoint does not"
        )
    if Path(args.file).suffix not in (PROMPTS, *WRITERS):
        parser.error(f"the file to write is {args.file}; its name has to end in {ENDINGS}")
    stage = 2
    try:
        names = classnames.chosen(args)
        stage = 1
        print(f"{args.file}: {export(args, names)}")
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return stage
    return 0


def export(args: argparse.Namespace, names: list[str] | None) -> str:
    """Write the file; returns a line about it."""
    shared, ending = _shared(args), Path(args.file).suffix
    if ending != PROMPTS:
        return WRITERS[ending](Classifier(shared, "cpu"), names, args.file)
    if names is not None:
        Classifier(shared, "cpu").model(names)  # refuses names that do not fit
        shared = shared._replace(description=shared.description | {"classnames": names})
    write_prompts(shared, args.file)
    numbers = sum(value.numel() for value in shared.tensors.values())
    return f"{numbers:,} numbers, {shared.description}"


def _shared(args: argparse.Namespace) -> SharedPrompts:
    if args.backbone is None:
        return read_prompts(args.checkpoint)
    path = Path(args.checkpoint)
    checkpoint = read_checkpoint(final_checkpoint(path) if path.is_dir() else path)
    if "prompts" in checkpoint.get("trainer_state", {}):
        raise ValueError(
            f"{args.checkpoint} says itself what it is for; leave --backbone and --ctx-init out"
        )
    return described(
        checkpoint["state_dict"], args.backbone, args.ctx_init, args.class_token_position
    )


if __name__ == "__main__":
    sys.exit(main())
