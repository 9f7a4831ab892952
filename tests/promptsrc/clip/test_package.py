"""Parts of the `clip` package are imported, and the package itself stays importable."""

import subprocess
import sys

CODE = """
import sys
from promptsrc.clip.tokens import name_tokens
assert "clip" not in sys.modules and not {"torch", "torchvision"} & sys.modules.keys()
assert name_tokens("fire_truck") == name_tokens("Fire  truck")
from promptsrc.clip.openai import CLIP
assert "clip" not in sys.modules and "torchvision" not in sys.modules
"""
WHOLE = """
import sys, types
sys.modules["pkg_resources"] = types.SimpleNamespace(
    packaging=types.SimpleNamespace(version=types.SimpleNamespace(parse=lambda version: 0))
)
{first}
import clip
from clip import model
from promptsrc.clip.openai import CLIP
from promptsrc.clip.tokens import tokenizer
assert model.CLIP is CLIP and sys.modules["clip"] is clip
assert clip.tokenize("a dog").tolist()[0][:4] == [49406, *tokenizer.encode("a dog"), 49407]
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tokens_need_no_pytorch_and_towers_no_torchvision():
    run(CODE)


def test_the_whole_package_can_be_imported_before_and_after():
    run(WHOLE.format(first=""))
    run(WHOLE.format(first="import promptsrc.clip.openai, promptsrc.clip.tokens"))
