"""Prompts on the Hugging Face hub: one safetensors file and a model card per repository."""

import json
import os
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from promptsrc.command import one_line
from promptsrc.escape import markdown, printable

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from promptsrc.inference.prompt_file import PromptFile

FILE = "prompts.safetensors"  # in a repository
PATIENCE = 10  # seconds until the hub counts as out of reach
CARD = """---
library_name: promptsrc
pipeline_tag: zero-shot-image-classification
tags: [clip, prompt-learning, {tag}]
---
# Prompts for CLIP, trained with {method}
{parameters:,} parameters; with the frozen CLIP they classify images among any class names.

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


def push(path: str | Path, repo: str) -> str:
    """Send prompts and model card as one commit; makes the repository if needed, returns its URL.

    Raises:
        FileNotFoundError, ValueError: the prompts cannot be read, `repo` is not a repository's
            name, or huggingface_hub is not installed.
        OSError: the hub refuses, or cannot be reached.
    """
    with _client() as api, tempfile.TemporaryDirectory() as folder:
        from promptsrc.inference.prompt_file import read_prompts, write_prompts  # imports PyTorch

        prompts = read_prompts(path)
        backbone = prompts.description["backbone"]
        if os.path.isabs(backbone):  # a file here; elsewhere `--backbone` says where it is
            prompts = prompts.describing(backbone=os.path.basename(backbone))
        write_prompts(prompts, Path(folder, FILE))
        Path(folder, "README.md").write_text(card(prompts, repo), encoding="utf-8")
        url = api.create_repo(repo, exist_ok=True)
        message = printable(f"{prompts.description['method']} prompts")
        api.upload_folder(repo_id=repo, folder_path=folder, commit_message=message)
    return str(url)


def pull(repo: str, path: str | Path) -> "PromptFile":
    """Write the prompts of a repository to `path`, whole or not at all.

    Raises:
        FileNotFoundError: there is no folder to write to.
        ValueError: `repo` is not a repository's name, its file does not hold prompts, or
            huggingface_hub is not installed.
        OSError: the hub refuses, or cannot be reached.
    """
    # Windows cannot delete the file while the tensors are mapped to it
    with _client() as api, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        from promptsrc.inference.prompt_file import read_prompts, write_prompts  # imports PyTorch

        prompts = read_prompts(api.hf_hub_download(repo, FILE, local_dir=folder))
    write_prompts(prompts, path)
    return prompts


@contextmanager
def _client() -> Iterator["HfApi"]:
    """The hub's client; whatever connection error it raises is an OSError here.

    Raises:
        ConnectionError: there is no way to the hub. The client would retry for a minute.
    """
    if find_spec("huggingface_hub") is None:
        raise ValueError("the hub needs huggingface_hub: pip install .[hub]")
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HTTPError

    api = HfApi()
    if not constants.HF_HUB_OFFLINE:
        _check_reachable(api.endpoint)
    try:
        yield api
    except HTTPError as error:
        raise ConnectionError(one_line(error)) from error


def _check_reachable(server: str) -> None:
    """
    Raises:
        ConnectionError: nothing answers there; an answer of any kind will do.
    """
    try:
        request = urllib.request.Request(server, method="HEAD")
        urllib.request.urlopen(request, timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return
    except OSError as error:
        reason = getattr(error, "reason", error)
        if not isinstance(reason, ssl.SSLError):  # the client has certificates of its own
            raise ConnectionError(
                f"{server} can't be reached ({reason}); check the network, or the "
                "proxy in HTTPS_PROXY"
            ) from None


def card(prompts: "PromptFile", repo: str) -> str:
    """The README.md of a repository."""
    about = prompts.description
    names = about.get("classnames")
    settings = [
        f"| {markdown(key)} | {markdown(_json(value))} |"
        for key, value in about["settings"].items()
    ]
    return CARD.format(
        tag=_json(printable(about["method"])).replace("<", r"\u003c"),
        method=markdown(about["method"]),
        backbone=markdown(about["backbone"]),
        learner=markdown(about["learner"]),
        parameters=prompts.parameters,
        settings="\n".join(settings),
        classes=f"Trained on {len(names)} classes: {', '.join(map(markdown, names))}."
        if names
        else "The file does not name its classes.",
        repo=repo,
        file=FILE,
    )


def _json(value: object) -> str:
    """Without control characters in the value it is YAML, too."""
    return json.dumps(value, ensure_ascii=False)
