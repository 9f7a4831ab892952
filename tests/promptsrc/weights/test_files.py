"""Weights in files and folders, as people have them."""

import argparse
import json

import pytest
import torch
from safetensors.torch import save_file

from promptsrc.clip.frozen import load_clip
from promptsrc.clip.text import tokenize
from promptsrc.weights.files import read_file
from promptsrc.weights.names import read_weights


@pytest.fixture
def same(tiny):
    """Whether a path gives the tiny CLIP."""
    tokens = tokenize(["a photo of a cat."])
    expected = tiny.encode_text(tokens)
    return lambda path: torch.equal(load_clip(str(path)).encode_text(tokens), expected)


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


def sharded(state, folder, name="model.safetensors"):
    """Two files and their index, as `save_pretrained` writes them."""
    folder.mkdir(exist_ok=True)
    stem, suffix = name.rsplit(".", 1)
    keys, places = sorted(state), {}
    for i, part in enumerate((keys[:20], keys[20:]), 1):
        file = f"{stem}-{i:05}-of-00002.{suffix}"
        tensors = {key: state[key] for key in part}
        (save_file if suffix == "safetensors" else torch.save)(tensors, folder / file)
        places |= dict.fromkeys(part, file)
    (folder / f"{name}.index.json").write_text(json.dumps({"weight_map": places}))
    return folder


def test_every_format_gives_the_same_features(tiny_state, tmp_path, same):
    torch.save(tiny_state, tmp_path / "plain.pt")
    save_file(tiny_state, tmp_path / "tensors.safetensors")
    for path in list(tmp_path.iterdir()):
        assert same(path), path.name


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod.", "module.model.clip."])
@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state_dict"])
def test_a_training_checkpoint_is_unwrapped(tiny_state, tmp_path, same, wrapper, prefix):
    optimizer = {"state": {0: torch.ones(2)}, "param_groups": [{"lr": 0.1}]}
    content = {wrapper: prefixed(tiny_state, prefix), "epoch": 3, "optimizer": optimizer}
    torch.save(content, tmp_path / "epoch_3.pt")
    assert same(tmp_path / "epoch_3.pt")


def test_wrappers_in_wrappers_and_values_that_are_no_tensors(tiny_state, tmp_path, same):
    torch.save({"model": {"state_dict": tiny_state | {"version": 2}}}, tmp_path / "a.pt")
    assert same(tmp_path / "a.pt")


def test_tensors_beside_the_clip_are_counted(tiny_state, tmp_path, same, capsys):
    head = {"head.weight": torch.ones(3, 2), "criterion.scale": torch.ones(1)}
    torch.save(prefixed(tiny_state, "model.") | head, tmp_path / "a.pt")
    assert same(tmp_path / "a.pt")
    assert (
        "2 tensors beside the CLIP are left out (criterion.scale, ...)" in capsys.readouterr().out
    )


@pytest.mark.parametrize("name", ["model.safetensors", "open_clip_model.safetensors"])
def test_a_folder_is_read(tiny_state, tmp_path, same, name):
    save_file(tiny_state, tmp_path / name)
    assert same(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_files_in_parts_are_put_together(tiny_state, tmp_path, same, name):
    folder = sharded(tiny_state, tmp_path / "clip", name)
    assert same(folder)
    assert same(folder / f"{name}.index.json")
    part = folder / name.replace(".", "-00002-of-00002.")
    assert same(part)  # one part stands for all


def test_a_missing_part_is_named(tiny_state, tmp_path):
    folder = sharded(tiny_state, tmp_path / "clip")
    (folder / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(
        ValueError, match=r"index.json names 'model-00001-of-00002.safetensors', wh"
    ):
        read_file(folder)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(ValueError, match=r"clip has no model\.safetensors, .*; it has model-00002"):
        read_file(folder)
    with pytest.raises(ValueError, match=r"clip has no model\.safetensors\.index\.json, which"):
        read_file(folder / "model-00002-of-00002.safetensors")


@pytest.mark.parametrize(
    "content", ['{"weight_map": {"a": "../other.safetensors"}}', '{"weight_map": {"a": "/x.bin"}}']
)
def test_an_index_names_no_file_elsewhere(tmp_path, content):
    folder = tmp_path / "clip"
    folder.mkdir()
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    (folder / "model.safetensors.index.json").write_text(content)
    with pytest.raises(ValueError, match="which is not beside it"):
        read_file(folder)


@pytest.mark.parametrize("content", ["{}", "[]", '{"weight_map": []}', "{", '{"weight_map": {}}'])
def test_a_damaged_index_is_named(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(ValueError, match=r"model\.safetensors\.index\.json is not"):
        read_file(tmp_path)


@pytest.mark.filterwarnings(
    "ignore:.*torch.jit.* is deprecated"
)  # what makes the file; reading it must not warn
def test_a_torchscript_archive_is_recognised(tmp_path):
    module = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
    module.save(str(tmp_path / "archive.pt"))
    assert set(read_file(tmp_path / "archive.pt")[0]) == {"weight", "bias"}


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 half a zip"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_damaged_file_is_named(tmp_path, content, suffix):
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights.* can't be read as CLIP weights"):
        read_weights(str(file))


def test_what_is_not_loaded_is_named(tiny_state, tmp_path):
    torch.save({"model": tiny_state, "args": argparse.Namespace(lr=1)}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"it holds argparse\.Namespace, which is not loaded"):
        read_weights(str(tmp_path / "a.pt"))


VAST = torch.zeros(1).expand(2**20, 2**20)
TINY = torch.ones(2)


@pytest.mark.filterwarnings("ignore:.*(quantiz|Sparse).*")  # PyTorch's, about making the tensors
@pytest.mark.parametrize(
    "tensor, reason",
    [
        (VAST, r"of shape \(1048576, 1048576\) without its values"),
        (TINY.to("meta"), "strided tensor on meta"),
        (TINY.to_sparse(), "sparse_coo tensor on cpu"),
    ],
    ids=["stride 0", "meta", "sparse"],
)
def test_tensors_without_plain_values_are_refused(tmp_path, tensor, reason):
    torch.save({"state_dict": {"token_embedding.weight": tensor}}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=f"can't be read as CLIP weights .*{reason}"):
        read_weights(str(tmp_path / "a.pt"))


def test_a_dict_in_itself_ends(tmp_path):
    content = {"epoch": 1}
    content["model"] = content
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="it holds no tensors"):
        read_weights(str(tmp_path / "a.pt"))
