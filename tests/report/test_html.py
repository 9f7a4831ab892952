"""The templates: they escape by themselves, and refuse what they are not given."""

import jinja2
import pytest

from report.html import render

EMPTY = {"finished": 0, "figures": [], "tables": [], "unfinished": []}


def test_values_are_escaped():
    content = render("tables.html", **EMPTY | {"unfinished": ["<b>&'\""]})
    assert "<p>&lt;b&gt;&amp;&#39;&#34;</p>" in content


def test_the_style_is_in_the_page():
    content = render("tables.html", **EMPTY)
    assert "<style>\n:root {" in content and "<link" not in content


def test_a_missing_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("tables.html")
