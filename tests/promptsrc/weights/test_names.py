"""Weights by name and by file, in the formats that they come in."""

import pytest
import torch
from clip import model as openai
from safetensors.torch import save_file

from promptsrc.clip.frozen import build_clip, load_clip
from promptsrc.clip.text import tokenize
from promptsrc.weights import names


def test_every_file_format_gives_the_same_features(tiny_state, tmp_path, tiny):
    torch.save(tiny_state, tmp_path / "plain.pt")
    torch.save({"state_dict": tiny_state, "epoch": 1}, tmp_path / "nested.pt")
    save_file(tiny_state, tmp_path / "tensors.safetensors")
    tokens = tokenize(["a photo of a cat."])
    for file in tmp_path.iterdir():
        assert torch.equal(load_clip(str(file)).encode_text(tokens), tiny.encode_text(tokens)), (
            file.name
        )


@pytest.mark.filterwarnings(
    "ignore:.*torch.jit.* is deprecated"
)  # what makes the file; reading it must not warn
def test_a_torchscript_archive_is_recognised(tmp_path):
    module = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
    module.save(str(tmp_path / "archive.pt"))
    assert set(names._read_file(tmp_path / "archive.pt").state) == {"weight", "bias"}


def test_the_bundled_weights_are_a_clip_with_a_full_vocabulary():
    clip = load_clip("ViT-T/8")
    assert (clip.visual.input_resolution, clip.token_embedding.weight.shape) == (48, (49408, 128))
    assert not any(p.requires_grad for p in clip.parameters()) and not clip.training


def test_the_models_own_forward_still_works(tiny_state):
    built = openai.build_model({k: v.clone() for k, v in tiny_state.items()}).float()
    tokens, images = tokenize(["a dog", "a photo of a fire truck."]), torch.randn(2, 3, 32, 32)
    ours = build_clip(tiny_state)
    torch.testing.assert_close(ours(images, tokens), built(images, tokens), atol=1e-4, rtol=0)


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 half a zip"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_damaged_file_is_named(tmp_path, content, suffix):
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights.* can't be read as CLIP weights"):
        names.read_weights(str(file))


def test_other_weights_are_refused(tmp_path):
    torch.save({"fc.weight": torch.ones(2, 2)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="not a CLIP's in OpenAI's, open_clip's or"):
        load_clip(str(tmp_path / "other.pt"))


def test_an_unknown_name_lists_the_known(tmp_path):
    with pytest.raises(
        ValueError, match=r"backbone 'ViT-B/17' is neither a name \(ViT-T/8, RN50, .* nor a file"
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
