"""Write the prompts of a run for use elsewhere; the ending of FILE chooses what.

    python -m promptsrc.export RUN prompts.safetensors   the prompts: kilobytes, for any class names
    python -m promptsrc.export RUN classifier.onnx       images -> logits, for onnxruntime
    python -m promptsrc.export RUN classifier.pt2        the same as a torch.export program
    python -m promptsrc.export RUN classes.npz           the class matrix, as open_clip has it

RUN is a run's folder (its final prompts), a checkpoint, or a safetensors file of prompts. The
classes are those trained on, or --classnames. ONNX needs `pip install .[onnx]`.

A checkpoint of another implementation does not say what it is for: add --backbone ViT-B/16
--ctx-init "a photo of a" (empty for a random start), and for CoOp --class-token-position.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from promptsrc.command import Parser, checking_the_command, exit_code, stop_like_ctrl_c
from promptsrc.files import check_folder
from promptsrc.inference import classnames, prompt_path

ENDINGS = (".safetensors", ".onnx", ".pt2", ".npz")
POSITIONS = ("end", "middle", "front")


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__, "python -m promptsrc.export")
    add = parser.add_argument
    add("run", metavar="RUN", help="folder of a run, checkpoint or safetensors file")
    add("file", metavar="FILE", help=f"ends in {', '.join(ENDINGS)}")
    classnames.add_arguments(parser)
    add("--backbone", help="of a checkpoint that does not say it")
    add("--ctx-init", help="words that its context started from")
    add("--class-token-position", default="end", choices=POSITIONS, help="in CoOp's texts")
    args = parser.parse_args(argv)
    if (args.backbone is None) != (args.ctx_init is None):
        parser.error("--backbone and --ctx-init belong together; give both or neither")
    if Path(args.file).suffix not in ENDINGS:
        parser.error(f"FILE is {args.file}; its name has to end in {', '.join(ENDINGS)}")
    return exit_code(lambda: export(args))


def export(args: argparse.Namespace) -> None:
    with checking_the_command():
        names = classnames.chosen(args)
    check_folder(args.file)
    prompt_path.given(args.run)
    from promptsrc.inference import formats, prompt_file  # imports PyTorch

    if args.backbone is None:
        prompts = prompt_file.read_prompts(args.run)
    else:
        said = (args.backbone, args.ctx_init, args.class_token_position)
        prompts = prompt_file.read_foreign_checkpoint(args.run, *said)
    print(f"{args.file}: {formats.write(prompts, names, args.file, report)}")


def report(stage: str) -> None:
    print(f"{stage} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
