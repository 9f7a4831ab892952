"""HTML from the templates of this folder, which escape every value."""

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from promptsrc.escape import printable


def render(template: str, /, **values: Any) -> str:
    """A page of HTML that needs no other file."""
    return printable(_templates().get_template(template).render(values), keep="\n")


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
