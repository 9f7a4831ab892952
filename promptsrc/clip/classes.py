"""Class names that a backbone cannot tell apart."""

from collections import defaultdict
from collections.abc import Sequence

import torch

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import embed
from promptsrc.clip.tokens import name_tokens, readable
from promptsrc.escape import printable

SHOWN = 8  # names in a line
PROBES = 256  # tokens that are compared to find those without an embedding of theirs


def read_as_one(clip: CLIP, classnames: Sequence[str]) -> list[list[str]]:
    """Groups of names whose token embeddings are equal, so that their class features are.

    Such names are spelled alike to CLIP, or made of tokens that its training never changed: the
    bundled CLIP has one embedding for all tokens that it has not seen.
    """
    texts = embed(clip, [readable(name) for name in classnames])
    groups = defaultdict(list)
    for name, embeddings, eot in zip(
        classnames, texts.embeddings.float().cpu(), texts.eot.tolist(), strict=True
    ):
        groups[embeddings[: eot + 1].numpy().tobytes()].append(name)
    return [names for names in groups.values() if len(names) > 1]


@torch.no_grad()
def unread(clip: CLIP, classnames: Sequence[str]) -> list[str]:
    """Names of which the backbone has read no token: all have the embedding of unread tokens.

    That is the one which many tokens share; CLIPs with their full vocabulary have none.
    """
    table = clip.token_embedding.weight
    rows, counts = table[:: len(table) // PROBES].unique(dim=0, return_counts=True)
    common = rows[counts > 1]  # (m, W)
    if not len(common):
        return []
    tokens = {name: torch.tensor(name_tokens(name), device=table.device) for name in classnames}
    return [
        name
        for name, ids in tokens.items()
        if (table[ids][:, None] == common).all(-1).any(-1).all()  # (tokens, m, W)
    ]


def notes(clip: CLIP, classnames: Sequence[str]) -> list[str]:
    """What to say of these classes before any accuracy is shown; usually nothing."""
    lines = []
    if len(classnames) == 1:
        lines.append(f"Only one class, {classnames[0]!r}: 100 % are right, whatever the image")
    if groups := read_as_one(clip, classnames):
        lines.append(
            "This backbone reads these class names as one and can't tell the classes apart: "
            f"{'; '.join(map(_listed, groups[:SHOWN]))}. They are equal, or words that it has "
            "never read; choose other names or another backbone"
        )
    named = {name for names in groups for name in names}
    if others := [name for name in unread(clip, classnames) if name not in named]:
        lines.append(
            f"This backbone has never read a word of these class names: {_listed(others)}. Their "
            "texts say nothing about the images; choose other names or another backbone"
        )
    return lines


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*map(printable, names[:SHOWN]), *["..."] * (len(names) > SHOWN)])
