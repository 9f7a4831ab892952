"""Write the prompts of a checkpoint as a safetensors file that stands alone.

    python -m promptsrc.export output/.../VLPromptLearner/model.pth.tar-20 prompts.safetensors

A checkpoint of another implementation does not say what it is for: --backbone ViT-B/16 --ctx-init "a photo of a", and for CoOp
--class-token-position. An empty --ctx-init stands for a start without words.
"""

import argparse
import sys
from collections.abc import Sequence

from promptsrc.checkpoint import read_checkpoint
from promptsrc.prompts.context import POSITIONS
from promptsrc.sharing import SharedPrompts, described, read_prompts, write_prompts


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the file is written, 1 with a line that says why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("file", help="ends in .safetensors")
    parser.add_argument("--backbone", help="of a checkpoint that does not say it")
    parser.add_argument("--ctx-init", help="words that its context started from")
    parser.add_argument("--class-token-position", default="end", choices=POSITIONS, help="CoOp's, in such a checkpoint")
    args = parser.parse_args(argv)
    if (args.backbone is None) != (args.ctx_init is None):
        parser.error("--backbone and --ctx-init belong together: they say what the checkpoint does not")
    if not args.file.endswith(".safetensors"):
        parser.error(f"the file to write is {args.file}; its name has to end in .safetensors")
    try:
        write_prompts(shared := _shared(args), args.file)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    numbers = sum(value.numel() for value in shared.tensors.values())
    print(f"{args.file}: {numbers:,} numbers, {shared.description}")
    return 0


def _shared(args: argparse.Namespace) -> SharedPrompts:
    if args.backbone is None:
        return read_prompts(args.checkpoint)
    checkpoint = read_checkpoint(args.checkpoint)
    if "prompts" in checkpoint.get("trainer_state", {}):
        raise ValueError(f"{args.checkpoint} says itself what it is for; leave --backbone and --ctx-init out")
    return described(checkpoint["state_dict"], args.backbone, args.ctx_init, args.class_token_position)


if __name__ == "__main__":
    sys.exit(main())
