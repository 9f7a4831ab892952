"""The templates: they escape by themselves, and refuse what they are not given."""

import jinja2
import pytest

from report.figures import Figure
from report.html import render
from report.svg import Plot, from_zero
from report.table import Table

EMPTY = {"finished": 0, "sections": [], "unfinished": [], "unread": []}


def test_values_are_escaped():
    content = render("tables.html", **EMPTY | {"unfinished": ["<b>&'\""]})
    assert "<p>&lt;b&gt;&amp;&#39;&#34;</p>" in content


def test_control_characters_are_shown():
    drawn = Plot("\x1b\u202eshots", from_zero(1), from_zero(1))
    figure = Figure("\x9b", "a\tb", [("m0", "\udcff")], [("", drawn)])
    content = render("tables.html", **EMPTY | {"sections": [(figure, Table("", [""]))]})
    shown = [r'aria-label="\x1b\u202eshots"', r"<h2>\x9b</h2>", r"<p>a\tb</p>", r"</i>\udcff</li>"]
    assert all(text in content for text in shown)
    assert content.replace("\n", "").isprintable()


def test_the_style_is_in_the_page():
    content = render("tables.html", **EMPTY)
    assert "<style>\n:root {" in content and "<link" not in content


def test_a_missing_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("tables.html")
