"""Weights by name and by file, in the formats that they come in."""

import sys

import pytest
import torch

from promptsrc.clip.frozen import build_clip, load_clip
from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import tokenize
from promptsrc.weights import names


def test_the_bundled_weights_are_a_clip_with_a_full_vocabulary():
    clip = load_clip("ViT-T/8")
    assert (clip.visual.input_resolution, clip.token_embedding.weight.shape) == (48, (49408, 128))
    assert not any(p.requires_grad for p in clip.parameters()) and not clip.training


def test_the_bundled_file_is_read_by_its_path():
    by_path, by_name = (load_clip(n) for n in (str(names.BUNDLED["ViT-T/8"]), "ViT-T/8"))
    assert torch.equal(by_path.token_embedding.weight, by_name.token_embedding.weight)


def test_the_models_own_forward_still_works(tiny_state):
    openai = sys.modules[CLIP.__module__]
    built = openai.build_model({k: v.clone() for k, v in tiny_state.items()}).float()
    tokens, images = tokenize(["a dog", "a photo of a fire truck."]), torch.randn(2, 3, 32, 32)
    ours = build_clip(tiny_state)
    torch.testing.assert_close(ours(images, tokens), built(images, tokens), atol=1e-4, rtol=0)


def test_an_unknown_name_lists_the_known(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"backbone 'ViT-B/17' is neither a name \(ViT-T/8-v2, .* nor a file or folder",
    ):
        names.read_weights("ViT-B/17")


@pytest.mark.parametrize(
    "cache, variable, expected", [("a", "b", "a"), ("", "b", "b"), ("", "", "home/.cache/clip")]
)
def test_the_cache_is_that_of_the_config_then_of_the_environment_then_the_home(
    tmp_path, monkeypatch, cache, variable, expected
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLIP_CACHE", str(tmp_path / variable) if variable else "")
    monkeypatch.setattr(names, "fetched", lambda url, sha256, path: path)
    path = names._downloaded("ViT-B/16", str(tmp_path / cache) if cache else "")
    assert path == tmp_path / expected / "ViT-B-16.pt"


def test_a_path_is_absolute_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.pt").touch()
    (tmp_path / "folder").mkdir()
    assert names.found_from_anywhere("weights.pt") == str(tmp_path / "weights.pt")
    assert names.found_from_anywhere("folder") == str(tmp_path / "folder")
    by_open_clip = f"open_clip:ViT-B-32/{tmp_path}/weights.pt"
    assert names.found_from_anywhere("open_clip:ViT-B-32/weights.pt") == by_open_clip
    for name in ("ViT-B/16", "open_clip:ViT-B-32/openai"):
        assert names.found_from_anywhere(name) == name
