"""Hugging Face's configs: followed, or refused naming the entry."""

import json

import pytest

from promptsrc.weights.huggingface import stated

TEXT = {"hidden_size": 128, "num_attention_heads": 2, "max_position_embeddings": 32}
VISION = {"hidden_size": 128, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
CONFIG = {"model_type": "clip", "text_config": TEXT, "vision_config": VISION}
IMAGES = {
    "crop_size": {"height": 32, "width": 32},
    "do_center_crop": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.25, 0.25, 0.25],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 32},
}


def changed(section, **entries):
    return CONFIG | {section: CONFIG[section] | entries}


def test_what_is_stated_is_followed():
    found = stated(CONFIG, IMAGES, "clip/config.json")
    assert found.quick_gelu
    assert found.images == {"mean": [0.5] * 3, "std": [0.25] * 3, "interpolation": "bilinear"}
    assert found.sizes["context_length"] == ("text_config.max_position_embeddings", 32)
    assert found.sizes["image_resolution"] == ("vision_config.image_size", 32)
    both = CONFIG | {
        key: CONFIG[key] | {"hidden_act": "gelu"} for key in ("text_config", "vision_config")
    }
    assert not stated(both, None, "config.json").quick_gelu


def test_old_forms_mean_the_same():
    old = {"size": 32, "crop_size": 32, "resample": 3, "feature_extractor_type": "CLIPFeature"}
    assert stated(CONFIG, old, "config.json").images == {"interpolation": "bicubic"}
    assert stated({"model_type": "clip"}, None, "config.json").quick_gelu
    assert stated(changed("text_config", eos_token_id=49407), None, "config.json").quick_gelu


@pytest.mark.parametrize(
    "config, entry",
    [
        (CONFIG | {"model_type": "siglip"}, "model_type 'siglip'"),
        (CONFIG | {"model_type": "chinese_clip"}, "model_type 'chinese_clip'"),
        (changed("text_config", hidden_act="gelu_new"), "text_config.hidden_act 'gelu_new'"),
        (changed("vision_config", hidden_act="gelu"), "vision_config.hidden_act 'gelu'"),
        (changed("text_config", layer_norm_eps=1e-6), "text_config.layer_norm_eps 1e-06"),
        (changed("vision_config", layer_norm_eps=1e-12), "vision_config.layer_norm_eps 1e-12"),
        (changed("text_config", eos_token_id=7), "text_config.eos_token_id 7"),
        (changed("vision_config", image_size=[32, 64]), r"vision_config.image_size \[32, 64\]"),
    ],
)
def test_another_function_is_refused_by_name(config, entry):
    with pytest.raises(ValueError, match=f"clip/config.json says {entry}, which is not supported"):
        stated(config, None, "clip/config.json")


def test_heads_of_another_width_are_refused():
    with pytest.raises(ValueError, match="attention heads of width 32; only 64"):
        stated(changed("vision_config", num_attention_heads=4), None, "config.json")


@pytest.mark.parametrize(
    "change, entry",
    [
        ({"do_center_crop": False}, "do_center_crop False"),
        ({"do_normalize": False}, "do_normalize False"),
        ({"do_rescale": False}, "do_rescale False"),
        ({"rescale_factor": 1 / 127.5}, "rescale_factor 0.0078"),
        ({"size": {"height": 32, "width": 32}}, "size "),
        ({"size": {"shortest_edge": 36}}, "size {'shortest_edge': 36}"),
        ({"crop_size": {"height": 32, "width": 40}}, "crop_size "),
        ({"resample": 1}, "interpolation 1"),
        ({"image_mean": [0.5]}, r"mean \[0.5\]"),
        ({"image_std": "none"}, "std 'none'"),
    ],
)
def test_other_images_are_refused_by_name(change, entry):
    with pytest.raises(ValueError, match=f"clip/preprocessor_config.json says {entry}"):
        stated(CONFIG, json.loads(json.dumps(IMAGES | change)), "clip/config.json")
