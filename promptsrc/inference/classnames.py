"""Class names on a command line. Imports nothing heavy, so that `--help` is instant."""

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from promptsrc.files import read_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--classnames a,b,c` and `--classnames-file F`; at most one may be given."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--classnames", metavar="A,B,C", help="default: those trained on")
    group.add_argument(
        "--classnames-file", metavar="F", type=Path, help="a UTF-8 file with a name per line"
    )


def chosen(args: argparse.Namespace) -> list[str] | None:
    """The names that the arguments give; None if they give none.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not UTF-8, or a name is empty or a duplicate.
    """
    if args.classnames is not None:
        return checked(args.classnames.split(","), "--classnames")
    if args.classnames_file is None:
        return None
    return checked(_lines(args.classnames_file), str(args.classnames_file))


def checked(names: Iterable[str], source: str = "classnames") -> list[str]:
    """The names without blanks around them.

    Raises:
        ValueError: no names, an empty one, or two that CLIP reads as one.
    """
    if isinstance(names, str):
        raise ValueError(f"{source} is the text {names!r}; give a list of names")
    names = list(names)
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise ValueError(f"{source} has {wrong[0]!r}, which is not text; give names")
    names = [name.strip() for name in names]
    if not all(names) or not names:
        raise ValueError(f"{source}: name {names.index('') + 1 if names else 1} is empty")
    seen: dict[tuple[int, ...], str] = {}
    for name in names:
        ids = read_by_clip(name, source)
        if ids in seen:
            same = "" if name == seen[ids] else f" (the same as {seen[ids]!r})"
            raise ValueError(f"{source}: duplicate class name {name!r}{same}")
        seen[ids] = name
    return names


def read_by_clip(name: str, source: str) -> tuple[int, ...]:
    """The token ids of a class name. Names with the same ids are one name to CLIP.

    Its tokenizer ignores capitals, and blanks that are repeated or stand beside digits or
    punctuation. `_` is a blank; `&amp;`, full-width and composed letters are what they show.

    Raises:
        ValueError: the name is not Unicode, CLIP reads nothing, or a mark that ends the text.
    """
    from promptsrc.clip.tokens import MARKS, name_tokens  # reads the vocabulary

    try:
        name.encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8
        raise ValueError(f"{source}: class name {name!r} is not Unicode; rename it") from None
    ids = name_tokens(name)
    if not ids:
        raise ValueError(f"{source}: class name {name!r} is empty to CLIP; use words")
    if mark := next((mark for mark in MARKS if mark in name.lower()), ""):
        raise ValueError(f"{source}: class name {name!r} holds CLIP's mark {mark}; remove it")
    return ids


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        raise FileNotFoundError(f"no file {file} (--classnames-file)")
    return re.split(r"\r\n|\r|\n", read_text(file).rstrip())
