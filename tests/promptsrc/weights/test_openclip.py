"""open_clip's configs: followed, or refused naming the entry."""

import pytest

from promptsrc.weights.openclip import stated

MODEL = {
    "embed_dim": 64,
    "vision_cfg": {"layers": 2, "width": 128, "patch_size": 8, "image_size": 32},
    "text_cfg": {"layers": 2, "width": 128, "heads": 2, "context_length": 32, "vocab_size": 49408},
}
IMAGES = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear", "size": 32}


def changed(section, **entries):
    model = MODEL | (entries if section == "model_cfg" else {section: MODEL[section] | entries})
    return {"model_cfg": model}


def test_what_is_stated_is_followed():
    found = stated({"model_cfg": MODEL, "preprocess_cfg": IMAGES}, "config.json")
    assert not found.quick_gelu
    assert found.images == {key: IMAGES[key] for key in ("mean", "std", "interpolation")}
    assert found.sizes["context_length"] == ("text_cfg.context_length", 32)
    assert found.sizes["vision_layers"] == ("vision_cfg.layers", 2)
    assert stated(changed("model_cfg", quick_gelu=True), "config.json").quick_gelu


def test_entries_that_change_nothing_are_accepted():
    for config in (
        changed("text_cfg", pool_type="argmax", ls_init_value=None, no_causal_mask=False, pad_id=1),
        changed("vision_cfg", pool_type="tok", patch_dropout=0.5, mlp_ratio=4.0, act_kwargs={}),
        changed("model_cfg", custom_text=True, init_logit_scale=2.6),
        {"model_cfg": MODEL, "preprocess_cfg": {"mode": "RGB", "resize_mode": "shortest"}},
    ):
        stated(config, "config.json")


@pytest.mark.parametrize(
    "config, entry",
    [
        (changed("text_cfg", no_causal_mask=True), "text_cfg.no_causal_mask True"),
        (changed("text_cfg", pool_type="last"), "text_cfg.pool_type 'last'"),
        (changed("text_cfg", hf_tokenizer_name="xlm"), "text_cfg.hf_tokenizer_name 'xlm'"),
        (changed("text_cfg", norm_kwargs={"eps": 1e-6}), "text_cfg.norm_kwargs"),
        (changed("text_cfg", tokenizer_kwargs={"clean": "lower"}), "text_cfg.tokenizer_kwargs"),
        (changed("vision_cfg", pool_type="avg"), "vision_cfg.pool_type 'avg'"),
        (changed("vision_cfg", attentional_pool=True), "vision_cfg.attentional_pool True"),
        (changed("vision_cfg", ls_init_value=0.1), "vision_cfg.ls_init_value 0.1"),
        (changed("vision_cfg", no_ln_pre=True), "vision_cfg.no_ln_pre True"),
        (changed("vision_cfg", timm_model_name="vit"), "vision_cfg.timm_model_name 'vit'"),
        (changed("vision_cfg", pos_embed_type="sin"), "vision_cfg.pos_embed_type 'sin"),
        (changed("vision_cfg", image_size=[32, 64]), "vision_cfg.image_size"),
        (changed("vision_cfg", mlp_ratio=4.3637), "vision_cfg.mlp_ratio 4.3637"),
        (changed("vision_cfg", made_up="yes"), "vision_cfg.made_up 'yes'"),
        (changed("model_cfg", init_logit_bias=-10), "model_cfg.init_logit_bias -10"),
        ({"model_cfg": MODEL, "preprocess_cfg": IMAGES | {"size": 40}}, "preprocess_cfg.size 40"),
        (
            {"model_cfg": MODEL, "preprocess_cfg": {"resize_mode": "squash"}},
            "preprocess_cfg.resize",
        ),
        ({"model_cfg": MODEL, "preprocess_cfg": {"interpolation": "random"}}, "interpolation 'ran"),
    ],
)
def test_another_function_is_refused_by_name(config, entry):
    with pytest.raises(ValueError, match=f"config.json says {entry}.*is not supported"):
        stated(config, "config.json")
