"""Share prompts on the Hugging Face hub (pip install .[hub]; `hf auth login` before a push).

    python -m promptsrc.hub push RUN user/name                    RUN: a run's folder, a checkpoint or a safetensors file
    python -m promptsrc.hub pull user/name prompts.safetensors    which predict.py --model-dir takes

A push sends the safetensors file and a model card, kilobytes. A pull takes that file only, and only when it holds prompts.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from promptsrc.command import Parser, one_line
from promptsrc.inference.prompt_file import SharedPrompts, read_prompts, write_prompts

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FILE = "prompts.safetensors"  # in a repository of the hub
CARD = """---
library_name: promptsrc
pipeline_tag: zero-shot-image-classification
tags: [clip, prompt-learning, {method}]
---
# Prompts for CLIP, learned with {method}
{numbers:,} numbers for a frozen CLIP, which classifies images among any class names with them.

| | |
|---|---|
| method | {method} |
| backbone | {backbone} |
| learner | {learner} |
{settings}

{classes}

With the package `promptsrc` (`pip install .` in its checkout):
```python
import promptsrc

classifier = promptsrc.load("{file}")  # from `python -m promptsrc.hub pull {repo} {file}`
for image, classes in classifier.classify("photos", ["cat", "dog"]):
    print(image, classes[0].name, classes[0].probability)
```
"""


def push(path: str | Path, repo: str, api: "HfApi") -> str:
    """Make the repository where it is not there, and put prompts and model card into it as one commit; returns its address.

    Raises:
        FileNotFoundError, ValueError: the prompts cannot be read, or `repo` is no name of a repository.
        OSError: the hub says no, or cannot be reached.
    """
    shared = read_prompts(path)
    backbone = shared.description["backbone"]
    if os.path.isabs(
        backbone
    ):  # a file of weights on this machine: `--backbone` says where it is on another
        shared = shared._replace(
            description=shared.description | {"backbone": os.path.basename(backbone)}
        )
    with tempfile.TemporaryDirectory() as folder:
        write_prompts(shared, Path(folder, FILE))
        Path(folder, "README.md").write_text(card(shared, repo), encoding="utf-8")
        url = api.create_repo(repo, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            commit_message=f"{shared.description['method']} prompts",
        )
    return str(url)


def pull(repo: str, path: str | Path, api: "HfApi") -> SharedPrompts:
    """Write the prompts of a repository to `path`, whole or not at all.

    Raises:
        FileNotFoundError: there is no folder to write to.
        ValueError: `repo` is no name of a repository, or its file is no file of prompts.
        OSError: the hub says no, or cannot be reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        shared = read_prompts(api.hf_hub_download(repo, FILE, local_dir=folder))
    write_prompts(shared, path)
    return shared


def card(shared: SharedPrompts, repo: str) -> str:
    """The README.md of a repository."""
    about = shared.description
    names = about.get("classnames")
    return CARD.format(
        **{key: about[key] for key in ("method", "backbone", "learner")},
        numbers=sum(value.numel() for value in shared.tensors.values()),
        settings="\n".join(
            f"| {key} | {json.dumps(value)} |" for key, value in about["settings"].items()
        ),
        classes=f"Trained on {len(names)} classes: {', '.join(names)}."
        if names
        else "Its classes are not stated.",
        repo=repo,
        file=FILE,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """0 when it is done, 1 with a line that says why not, 2 for a command that cannot be meant."""
    parser = Parser(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pushing = commands.add_parser("push", help="send prompts to the hub")
    pushing.add_argument(
        "path", metavar="RUN", help="folder of a run, checkpoint or safetensors file"
    )
    pushing.add_argument("repo", metavar="user/name")
    pulling = commands.add_parser("pull", help="get prompts from the hub")
    pulling.add_argument("repo", metavar="user/name")
    pulling.add_argument("path", metavar="FILE", help="ends in .safetensors")
    args = parser.parse_args(argv)
    if args.command == "pull" and not args.path.endswith(".safetensors"):
        parser.error(f"the file to write is {args.path}; its name has to end in .safetensors")
    if find_spec("huggingface_hub") is None:
        print("error: the hub needs huggingface_hub: pip install .[hub]", file=sys.stderr)
        return 1
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError  # of the client, whichever that is

    try:
        if args.command == "push":
            print(f"pushed to {push(args.path, args.repo, HfApi())}")
        else:
            print(f"{args.path}: {pull(args.repo, args.path, HfApi()).description}")
    except (ValueError, OSError, HTTPError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
