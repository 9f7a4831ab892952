"""Class names that a backbone cannot tell apart."""

from collections import defaultdict
from collections.abc import Sequence

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import embed, readable
from promptsrc.escape import printable

SHOWN = 8  # names in a line


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


def notes(clip: CLIP, classnames: Sequence[str]) -> list[str]:
    """What to say of these classes before any accuracy is shown; usually nothing."""
    lines = []
    if len(classnames) == 1:
        lines.append(f"Only one class, {classnames[0]!r}: 100 % are right, whatever the image")
    groups = read_as_one(clip, classnames)
    if groups:
        named = [
            ", ".join([*map(printable, names[:SHOWN]), *["..."] * (len(names) > SHOWN)])
            for names in groups
        ]
        lines.append(
            "This backbone reads these class names as one and can't tell the classes apart: "
            f"{'; '.join(named[:SHOWN])}. They are equal, or words that it has never read; choose "
            "other names or another backbone"
        )
    return lines
