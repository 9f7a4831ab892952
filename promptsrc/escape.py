"""Names of files, classes and settings as each output shows them: they are text, never commands.

One function a format. HTML is escaped by its templates (report/html.py), SVG by ElementTree, JSON
by json. Imports nothing heavy.
"""

import csv
import html
import io
import os
import re
from collections.abc import Iterable
from pathlib import PurePath

# Those that command a terminal or end a line, turn the direction of text, or are not Unicode
CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
MARKDOWN = re.compile(r"[\\`*\[\]|~#$]|(?<![^\W_])_|_(?![^\W_])")  # not the _ in snake_case
LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    **{letter: f"{{{letter}}}" for letter in "[]"},  # \\ and \midrule take [...] of the next row
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    "Δ": r"$\Delta$",
    "*": "$^*$",
}


def printable(text: str, keep: str = "") -> str:
    r"""On a terminal and in a log: control characters other than those of `keep` as \x1b, \n."""
    return CONTROL.sub(lambda m: m[0] if m[0] in keep else repr(m[0])[1:-1], text)


def markdown(text: str) -> str:
    """In Markdown, also in a table: without emphasis, links, HTML and further columns or lines."""
    return MARKDOWN.sub(r"\\\g<0>", html.escape(printable(text), quote=False))


def latex(text: str) -> str:
    """In LaTeX, also in a `tabular`."""
    return "".join(LATEX.get(letter, letter) for letter in printable(text))


def csv_line(cells: Iterable[object]) -> str:
    """A line of CSV, which csv.reader and spreadsheets read as one row of text and numbers.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, a path `./`.
    """
    out = io.StringIO()
    # by the default line end, since `lineterminator="\n"` leaves \r unquoted up to Python 3.12
    csv.writer(out).writerow(map(_csv_cell, cells))
    return out.getvalue().removesuffix("\r\n") + "\n"


def _csv_cell(cell: object) -> str:
    text = "" if cell is None else str(cell)
    if not FORMULA.match(text) or NUMBER.fullmatch(text):
        return text
    return os.path.join(".", text) if isinstance(cell, PurePath) else f"'{text}"
