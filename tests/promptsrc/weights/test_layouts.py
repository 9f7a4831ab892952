"""Small random models of clip, open_clip and transformers: ours gives their features."""

import json

import pytest
import torch
from safetensors.torch import save_file

from promptsrc.clip.frozen import load_clip
from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import embed, tokenize
from promptsrc.clip.towers import encode_text

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


@pytest.mark.skipif(
    not transformers.is_torch_available(), reason="this transformers wants a newer PyTorch"
)
@pytest.mark.parametrize("positions", [32, 248])
@torch.no_grad()
def test_a_folder_in_parts_with_another_context_length(tmp_path, positions):
    torch.manual_seed(0)
    tower = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 2}
    tower |= {"num_attention_heads": 2}
    text = tower | {"max_position_embeddings": positions, "eos_token_id": 49407}
    image = tower | {"image_size": 32, "patch_size": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config=image, projection_dim=64)
    model = transformers.CLIPModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(tmp_path, max_shard_size="10MB")
    assert (tmp_path / "model.safetensors.index.json").is_file()
    ours = load_clip(str(tmp_path))
    texts = ["a photo of a cat.", "a " * (positions - 3)]
    theirs = model.text_projection(model.text_model(tokenize(texts, positions)).pooler_output)
    unit = torch.nn.functional.normalize
    torch.testing.assert_close(
        unit(encode_text(ours, embed(ours, texts))), unit(theirs), atol=1e-5, rtol=0
    )
    with pytest.raises(ValueError, match=f"is longer than CLIP's {positions} tokens"):
        embed(ours, ["a " * positions])


def plain(state):
    """Without the sizes that only OpenAI's own files hold."""
    sizes = ("input_resolution", "context_length", "vocab_size")
    return {key: value for key, value in state.items() if key not in sizes}


def test_open_clips_text_tower_of_its_own_is_a_clips(tmp_path, tiny_state, tiny):
    """`force_custom_text` puts `text.` before the names of the text tower."""
    outside = ("visual.", "logit_scale")
    custom = {k if k.startswith(outside) else f"text.{k}": v for k, v in plain(tiny_state).items()}
    save_file(custom, tmp_path / "weights.safetensors")
    tokens = tokenize(TEXTS)
    found = load_clip(str(tmp_path / "weights.safetensors")).encode_text(tokens)
    assert torch.equal(found, tiny.encode_text(tokens))


@pytest.mark.parametrize(
    "key, reason",
    [
        ("prompt_learner.ctx", "prompts, not a CLIP; give it to --model-dir"),
        ("base_model.model.text_model.q.lora_A.weight", "adapters beside the weights; merge"),
        ("visual.trunk.norm.weight", "an image tower of timm"),
        ("logit_bias", "a SigLIP"),
        ("text.transformer.embeddings.weight", "a text tower of another kind"),
        ("fc.weight", r"no CLIP: of its 1 tensors, token_embedding.weight must be one \(the first"),
    ],
)
def test_other_models_are_called_by_their_names(tmp_path, key, reason):
    save_file({key: torch.ones(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=f"weights.safetensors holds {reason}"):
        load_clip(str(tmp_path / "weights.safetensors"))


def test_two_clips_in_a_file_are_refused(tmp_path, tiny_state):
    both = {f"{name}.{k}": v.clone() for name in ("student", "ema") for k, v in tiny_state.items()}
    save_file(both, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=r"holds 2 CLIPs \(ema\., student\.\)"):
        load_clip(str(tmp_path / "weights.safetensors"))


TINY_STATE = {  # of the tiny CLIP
    "embed_dim": 64,
    "vision_cfg": {"layers": 4, "width": 128, "patch_size": 8, "image_size": 32},
    "text_cfg": {"layers": 4, "width": 128, "heads": 2},
}


@pytest.mark.parametrize(
    "section, entry, value, found",
    [
        ("text_cfg", "layers", 3, 4),
        ("text_cfg", "context_length", 64, 77),
        ("text_cfg", "vocab_size", 64000, 49408),
        ("vision_cfg", "image_size", 36, 32),
        ("vision_cfg", "layers", 12, 4),
    ],
)
def test_a_config_of_other_sizes_is_refused(tmp_path, tiny_state, section, entry, value, found):
    save_file(plain(tiny_state), tmp_path / "weights.safetensors")
    model = TINY_STATE | {section: TINY_STATE[section] | {entry: value}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    with pytest.raises(
        ValueError, match=f"{section}.{entry} {value}, but the weights have {found}"
    ):
        load_clip(str(tmp_path / "weights.safetensors"))


def test_another_vocabulary_is_refused(tmp_path, tiny_state):
    state = plain(tiny_state) | {"token_embedding.weight": torch.ones(10, 128)}
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(
        ValueError, match="10 tokens have embeddings, but CLIP's vocabulary is 49408"
    ):
        load_clip(str(tmp_path / "weights.safetensors"))


def test_blocks_without_end_are_refused(tmp_path, tiny_state):
    blocks = {f"transformer.resblocks.{i}.ln_1.bias": torch.ones(1) for i in range(20_000)}
    save_file(plain(tiny_state) | blocks, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="has 20000 blocks, more than 200"):
        load_clip(str(tmp_path / "weights.safetensors"))


def test_the_config_is_the_one_of_the_keys_layout(tmp_path, tiny_state):
    """Many folders on the hub hold both; a `config.json` may also be another model's."""
    save_file(plain(tiny_state), tmp_path / "weights.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_act": "relu"}))
    assert load_clip(str(tmp_path / "weights.safetensors")).images == {}
    images = {"mean": [0.5] * 3, "std": [0.25] * 3}
    config = {"model_cfg": TINY_STATE, "preprocess_cfg": images}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    assert load_clip(str(tmp_path / "weights.safetensors")).images == images


@pytest.mark.parametrize(
    "name, content",
    [
        ("open_clip_config.json", '{"model_cfg": 3}'),
        ("open_clip_config.json", "[1"),
        ("open_clip_config.json", '{"model_cfg": {"text_cfg": {}, "vision_cfg": {}}}'),
        ("config.json", "{"),
        ("config.json", "[]"),
        ("config.json", '{"model_type": "clip", "text_config": 3}'),
        ("config.json", '{"model_type": "clip", "vision_config": {"layer_norm_eps": "x"}}'),
    ],
)
def test_a_damaged_config_is_named(tmp_path, tiny_state, name, content):
    save_file(plain(tiny_state), tmp_path / "weights.safetensors")
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=f"{name} is not a model's config .*restore or remove it"):
        load_clip(str(tmp_path / "weights.safetensors"))


def test_a_file_without_config_says_what_is_taken_for_granted(tmp_path, tiny_state, capsys):
    save_file(plain(tiny_state), tmp_path / "weights.safetensors")
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
