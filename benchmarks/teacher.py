"""Set-up, ours and the plain implementation's: the teacher's class features from its templates.

    python -m benchmarks.teacher --classes 100 --templates 60 --device cpu

Both work template by template, so fewer templates give the same ratio sooner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.command import parser, store
from benchmarks.measure import in_turn
from benchmarks.workload import VIT_B16, Shape, class_names, random_clip
from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import tokenize
from promptsrc.regulation import diverse_features
from promptsrc.templates import TEACHER


@dataclass
class Row:
    """Measured at one number of classes."""

    classes: int
    templates: int
    ratio: float
    seconds: float
    plain_seconds: float

    def __str__(self) -> str:
        return (
            f"{self.classes:7} {self.templates:9} {self.ratio:6.2f} {self.seconds:8.2f} "
            f"{self.plain_seconds:10.2f}"
        )


HEADER = "classes templates  ratio  ours, s   plain, s"


@torch.no_grad()
def plain_features(clip: CLIP, names: Sequence[str], templates: Sequence[str]) -> Tensor:
    """Mean over templates (C, D) of unnormalised features, by CLIP's own forward pass."""
    total = torch.zeros((), device=clip.positional_embedding.device)
    for template in templates:
        tokens = tokenize([template.replace("{}", name) for name in names])
        total = total + clip.encode_text(tokens.to(clip.positional_embedding.device))
    return total / len(templates)


def measure(shape: Shape, classes: int, templates: int, repeats: int, device: torch.device) -> Row:
    """One row."""
    clip, names, texts = random_clip(shape, device), class_names(classes), TEACHER[:templates]
    works = {
        "ours": lambda: diverse_features(clip, names, texts),
        "plain": lambda: plain_features(clip, names, texts),
    }
    times = in_turn(works, repeats, device)
    ratio = times["plain"] / times["ours"]
    return Row(classes, len(texts), ratio, times["ours"], times["plain"])


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    """Its exit code."""
    flags = parser(__doc__, classes=[100])
    flags.add_argument("--templates", type=int, default=len(TEACHER), help="of the 60, the first")
    args = flags.parse_args(argv)
    print(HEADER)
    rows, device = [], torch.device(args.device)
    for classes in args.classes:
        rows.append(measure(shape, classes, args.templates, args.repeats, device))
        print(rows[-1], flush=True)
    store(rows, args.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
