"""Each format shows a name as text: nothing in it is obeyed by whoever reads the format."""

import csv
import io
import os
import re
from pathlib import Path

import pytest
from dassl.utils import logger

from promptsrc import escape

CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u202e", "\udcff"]


def test_control_characters_are_shown():
    name = "\x1b]0;title\x07\x9b2J\r\n\tä 👍\u202egpj.exe\u2028\udcff"
    shown = r"\x1b]0;title\x07\x9b2J\r\n\tä 👍\u202egpj.exe\u2028\udcff"
    assert escape.printable(name) == shown
    assert escape.printable(name, "\n\t") == shown.replace(r"\n\t", "\n\t")
    assert not any(control in escape.printable("".join(CONTROLS)) for control in CONTROLS)


def test_the_engine_shows_the_same():
    every = "".join(map(chr, range(0x110000)))
    assert logger.printable(every) == escape.printable(every)


@pytest.mark.parametrize(
    "name, shown",
    [
        ("a_b snake_case_2", "a_b snake_case_2"),
        ("__init__ _x_", r"\_\_init\_\_ \_x\_"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("a|b\n---\n# c", r"a\|b\\n---\\n\# c"),
        ("`x` *y* ~z~ $m$", r"\`x\` \*y\* \~z\~ \$m\$"),
        ("![a](http://b)", r"!\[a\](http://b)"),
        ("back\\", r"back\\"),
        ("\x1b[2J", r"\\x1b\[2J"),
    ],
)
def test_markdown(name, shown):
    assert escape.markdown(name) == shown


@pytest.mark.parametrize(
    "name, shown",
    [
        ("cats&dogs", r"cats\&dogs"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("50% #1 a_b $x$", r"50\% \#1 a\_b \$x\$"),
        ("~ ^^M", r"\textasciitilde{} \textasciicircum{}\textasciicircum{}M"),
        ("[3cm] a|b <c>", r"{[}3cm{]} a\textbar{}b \textless{}c\textgreater{}"),
        (
            "a\n\\end{tabular}\r",
            r"a\textbackslash{}n\textbackslash{}end\{tabular\}\textbackslash{}r",
        ),
        ("1.0 ± 2, Δ –*", r"1.0 $\pm$ 2, $\Delta$ --$^*$"),
    ],
)
def test_latex(name, shown):
    assert escape.latex(name) == shown


def test_no_special_of_latex_is_left():
    shown = escape.latex("".join(map(chr, range(0x250))))
    plain = re.sub(r"\\text[a-z]+\{\}|\\[&%$#_{}]|\{[][]\}|\$(\\pm|\^\*)\$", "", shown)
    assert not set(plain) & set("\\&%$#_{}[]~^<>|\n\r\0")


@pytest.mark.parametrize(
    "cell, read",
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-cat", "'-cat"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("＝1+1", "'＝1+1"),
        (Path("=x", "-y.png"), os.path.join(".", "=x", "-y.png")),
        (Path("/=x.png"), "/=x.png"),
        ("+1", "+1"),
        ("-0.13", "-0.13"),
        (-0.5, "-0.5"),
        (1e-05, "1e-05"),
        (None, ""),
        ('a=b, "c"\nd\re;f', 'a=b, "c"\nd\re;f'),
        ("\x1b\u2028ä", "\x1b\u2028ä"),
    ],
)
def test_csv_cells_are_text_or_numbers(cell, read):
    line = escape.csv_line([cell, "last"])
    assert line.endswith("last\n")
    assert list(csv.reader(io.StringIO(line, newline=""))) == [[read, "last"]]
