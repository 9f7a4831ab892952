"""Write the prompts of a checkpoint as a safetensors file that stands alone.

    python -m promptsrc.export output/.../VLPromptLearner/model.pth.tar-20 prompts.safetensors

A checkpoint of another implementation does not say what it is for: --backbone ViT-B/16 --ctx-init "a photo of a".
"""

import argparse
import sys
from collections.abc import Sequence

from promptsrc.checkpoint import read_checkpoint
from promptsrc.sharing import described, read_prompts, write_prompts


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the file is written, 1 with a line that says why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("file", help="ends in .safetensors")
    parser.add_argument("--backbone", help="of a checkpoint that does not say it")
    parser.add_argument("--ctx-init", default="", help="words that its context started from")
    args = parser.parse_args(argv)
    if not args.file.endswith(".safetensors"):
        parser.error(f"the file to write is {args.file}; its name has to end in .safetensors")
    try:
        if args.backbone:
            shared = described(read_checkpoint(args.checkpoint)["state_dict"], args.backbone, args.ctx_init)
        else:
            shared = read_prompts(args.checkpoint)
        write_prompts(shared, args.file)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    numbers = sum(value.numel() for value in shared.tensors.values())
    print(f"{args.file}: {numbers:,} numbers, {shared.description}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
