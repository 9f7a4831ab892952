"""OpenAI's weights are fetched from where its own package fetches them."""

import ast
from importlib.util import find_spec
from pathlib import Path

from promptsrc.weights.openai import MODEL_URLS


def test_the_addresses_are_those_of_the_clip_package():
    package = Path(find_spec("clip").submodule_search_locations[0])
    tree = ast.parse((package / "clip.py").read_text(encoding="utf-8"))
    (table,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "_MODELS"
    ]
    assert table == MODEL_URLS and len(table) == 9
