"""The flags that the benchmarks share, and the file for their rows."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from promptsrc.clip.precision import CHOICES
from promptsrc.command import Parser


def parser(description: str | None, classes: Sequence[int]) -> Parser:
    """A parser with the shared flags; `classes` is the default of --classes."""
    parser = Parser(description)
    add = parser.add_argument
    add("--classes", type=int, nargs="+", default=classes, help="numbers of classes")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--prec", default="fp32", choices=CHOICES, help="precision of both sides")
    add("--repeats", type=int, default=5, help="number of timings, of which the median is taken")
    add("--json", type=Path, metavar="FILE", help="also write the rows there")
    return parser


def store(rows: Sequence[Any], file: Path | None) -> None:
    """Write rows (dataclasses) as a JSON list, if a file is given."""
    if file:
        lines = json.dumps([asdict(row) for row in rows], indent=2)
        file.write_text(lines + "\n", encoding="utf-8")
