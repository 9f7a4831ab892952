"""Small random models of clip, open_clip and transformers: ours gives their features."""

import json

import pytest
import torch
from safetensors.torch import save_file

from promptsrc.clip.frozen import load_clip
from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import tokenize

TEXTS = ["a photo of a cat.", "dog", "a very long haired dachshund on a sofa"]
open_clip = pytest.importorskip("open_clip")
transformers = pytest.importorskip("transformers")


def assert_same(ours, image_features, text_features):
    """Unit features of two images and three texts."""
    torch.manual_seed(5)
    images = torch.randn(2, 3, ours.visual.input_resolution, ours.visual.input_resolution)
    tokens, unit = tokenize(TEXTS), torch.nn.functional.normalize
    torch.testing.assert_close(
        unit(ours.encode_image(images)), unit(image_features(images)), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        unit(ours.encode_text(tokens)), unit(text_features(tokens)), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("layers, patch", [(2, 8), ((1, 1, 1, 1), None)], ids=["ViT", "ResNet"])
@torch.no_grad()
def test_clip(tmp_path, layers, patch):
    torch.manual_seed(0)
    vision = {"image_resolution": 64, "vision_layers": layers, "vision_width": 128 if patch else 64}
    text = {
        "context_length": 77,
        "vocab_size": 49408,
        "transformer_width": 128,
        "transformer_heads": 2,
    }
    model = CLIP(
        embed_dim=64, vision_patch_size=patch, transformer_layers=2, **vision, **text
    ).eval()
    torch.save(model.state_dict() | {"input_resolution": torch.tensor(64)}, tmp_path / "clip.pt")
    assert_same(load_clip(str(tmp_path / "clip.pt")), model.encode_image, model.encode_text)


TINY = {
    "embed_dim": 64,
    "vision_cfg": {"layers": 2, "width": 128, "patch_size": 8, "image_size": 32},
    "text_cfg": {"layers": 2, "width": 128, "heads": 2},
}


@pytest.mark.parametrize("quick_gelu", [False, True])
@torch.no_grad()
def test_open_clip_files(tmp_path, quick_gelu):
    torch.manual_seed(0)
    model = open_clip.CLIP(**TINY, quick_gelu=quick_gelu).eval()
    save_file(model.state_dict(), tmp_path / "open_clip_model.safetensors")
    config = {"model_cfg": TINY | ({"quick_gelu": True} if quick_gelu else {})}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    assert_same(
        load_clip(str(tmp_path / "open_clip_model.safetensors")),
        model.encode_image,
        model.encode_text,
    )


@torch.no_grad()
def test_open_clip_by_name(tmp_path):
    (tmp_path / "tiny-test.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path / "tiny-test.json")
    torch.manual_seed(0)
    model = open_clip.create_model("tiny-test").eval()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    assert_same(
        load_clip(f"open_clip:tiny-test/{tmp_path}/weights.pt"),
        model.encode_image,
        model.encode_text,
    )


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "ViT-B-32/laion9b",
            "open_clip has no 'ViT-B-32' with weights 'laion9b'; it has openai, laion400m_e31",
        ),
        ("ViT-B-33/openai", "open_clip has no 'ViT-B-33' .* it has models: .*ViT-B-32"),
    ],
)
def test_open_clip_says_what_it_has(name, message):
    with pytest.raises(ValueError, match=message):
        load_clip(f"open_clip:{name}")


@pytest.mark.skipif(
    not transformers.is_torch_available(), reason="this transformers wants a newer PyTorch"
)
@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
@torch.no_grad()
def test_transformers_files(tmp_path, activation):
    torch.manual_seed(0)
    tower = {
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    text = tower | {
        "hidden_act": activation,
        "vocab_size": 49408,
        "max_position_embeddings": 77,
        "eos_token_id": 49407,
    }
    image = tower | {"hidden_act": activation, "image_size": 32, "patch_size": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config=image, projection_dim=64)
    model = transformers.CLIPModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)  # its own start is nearly constant
    model.save_pretrained(tmp_path)
    assert_same(
        load_clip(str(tmp_path / "model.safetensors")),
        lambda images: model.visual_projection(model.vision_model(images).pooler_output),
        lambda tokens: model.text_projection(model.text_model(tokens).pooler_output),
    )


def test_a_file_without_config_says_what_is_taken_for_granted(tmp_path, tiny_state, capsys):
    plain = {
        key: value
        for key, value in tiny_state.items()
        if key not in ("input_resolution", "context_length", "vocab_size")
    }
    save_file(plain, tmp_path / "weights.safetensors")
    load_clip(str(tmp_path / "weights.safetensors"))
    assert (
        "does not say its activation: QuickGELU is used, like OpenAI's" in capsys.readouterr().out
    )


def test_heads_of_another_width_are_refused(tmp_path, tiny_state):
    torch.save(
        {key: value for key, value in tiny_state.items() if key != "input_resolution"},
        tmp_path / "weights.pt",
    )
    config = {"model_cfg": TINY | {"vision_cfg": {"head_width": 80}}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="has attention heads of width 80; only 64 is supported"):
        load_clip(str(tmp_path / "weights.pt"))
