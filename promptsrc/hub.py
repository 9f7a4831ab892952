"""Share prompts on the Hugging Face hub (pip install .[hub]; `hf auth login` before a push).

    python -m promptsrc.hub push RUN user/name                    prompts and a model card
    python -m promptsrc.hub pull user/name prompts.safetensors    for predict.py --model-dir

RUN is a run's folder (its final prompts), a checkpoint, or a safetensors file of prompts.
"""

import argparse
import sys
from collections.abc import Sequence

from promptsrc.command import Parser, exit_code, stop_like_ctrl_c
from promptsrc.files import check_folder
from promptsrc.inference import prompt_path

REPOSITORY = (
    "the repository to send them to: your name on the hub, or that of an organisation of yours, "
    "and any name for the prompts; it is made if it is not there"
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__, "python -m promptsrc.hub")
    commands = parser.add_subparsers(dest="command", required=True)
    push = commands.add_parser("push", help="send prompts to the hub")
    push.add_argument("path", metavar="RUN", help="folder of a run, checkpoint or safetensors file")
    push.add_argument("repo", metavar="user/name", help=REPOSITORY)
    pull = commands.add_parser("pull", help="get prompts from the hub")
    pull.add_argument("repo", metavar="user/name", help="the repository that was pushed to")
    pull.add_argument("path", metavar="FILE", help="ends in .safetensors")
    args = parser.parse_args(argv)
    if args.command == "pull" and not args.path.endswith(".safetensors"):
        parser.error(f"FILE is {args.path}; its name has to end in .safetensors")
    return exit_code(lambda: share(args))


def share(args: argparse.Namespace) -> None:
    from promptsrc.inference import hub

    if args.command == "push":
        prompt_path.given(args.path)
        print(f"pushed to {hub.push(args.path, args.repo)}")
    else:
        check_folder(args.path)
        print(f"{args.path}: {hub.pull(args.repo, args.path).description}")


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
