"""`import promptsrc`: everything in `__all__` is there, and nothing heavy comes with it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import promptsrc


def test_the_table_of_contents_is_complete():
    tree = ast.parse(Path(promptsrc.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    listed = [(node.module, alias.name) for node in block.body for alias in node.names]
    assert sorted(name for _, name in listed) == promptsrc.__all__
    for module, name in listed:
        assert getattr(promptsrc, name) is getattr(sys.modules[module], name)


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="module 'promptsrc' has no attribute 'lode'"):
        promptsrc.lode  # noqa: B018


def test_importing_it_imports_nothing_heavy():
    code = "import promptsrc, sys; assert not {'torch', 'numpy', 'PIL'} & sys.modules.keys()"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_its_types_are_for_others_too():
    assert Path(promptsrc.__file__).with_name("py.typed").is_file()


USED = """
import sys
import predict
from promptsrc import export
from promptsrc.inference.prompt_file import PromptFile, write_prompts
import torch

about = {"method": "CoOp", "backbone": "ViT-T/8", "learner": "ContextPrompts"}
about |= {"settings": {"n": 3, "position": "end"}, "classnames": ["bird", "cat"]}
file = sys.argv[1] + "/prompts.safetensors"
write_prompts(PromptFile(about, {"ctx": torch.ones(3, 128)}), file)
assert predict.main(["--model-dir", file, "data/emoji/images/bird", "--device", "cpu"]) == 0
assert export.main([file, sys.argv[1] + "/classes.npz"]) == 0
heavy = {"torchvision", "torch._dynamo", "sklearn", "scipy", "tensorboard"} & sys.modules.keys()
assert not heavy, heavy
"""


def test_using_it_imports_neither_torchvision_nor_what_only_trainings_need(in_root, tmp_path):
    done = subprocess.run([sys.executable, "-c", USED, str(tmp_path)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
