"""Class names on a command line. Imports nothing heavy, so that `--help` is instant."""

import argparse
from collections.abc import Sequence
from pathlib import Path


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


def checked(names: Sequence[str], source: str = "classnames") -> list[str]:
    """The names without blanks around them.

    Raises:
        ValueError: no names, an empty one, or a duplicate (`_` is a space).
    """
    if isinstance(names, str):
        raise ValueError(f"{source} is the text {names!r}; give a list of names")
    names = [name.strip() for name in names]
    if not all(names) or not names:
        raise ValueError(f"{source}: name {names.index('') + 1 if names else 1} is empty")
    seen: dict[str, str] = {}
    for name in names:
        text = name.replace("_", " ")
        if text in seen:
            same = "" if name == seen[text] else f" (the same as {seen[text]!r})"
            raise ValueError(f"{source}: duplicate class name {name!r}{same}")
        seen[text] = name
    return names


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        raise FileNotFoundError(f"no file {file} (--classnames-file)")
    try:
        return file.read_text(encoding="utf-8-sig").rstrip().split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text ({error.reason})") from None
