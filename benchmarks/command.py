"""The flags that the benchmarks share, and the file that their rows go into."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from promptsrc.clip.precision import CHOICES


def parser(description: str | None, classes: Sequence[int]) -> argparse.ArgumentParser:
    """With the default numbers of classes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--classes", type=int, nargs="+", default=classes, help="numbers of classes"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--prec", default="fp32", choices=CHOICES, help="precision of both sides")
    parser.add_argument("--repeats", type=int, default=5, help="the median is over so many")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    return parser


def store(rows: Sequence, file: Path | None) -> None:
    """Rows (dataclasses) as a JSON list, where a file is named."""
    if file:
        file.write_text(
            json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8"
        )
