"""The shipped weights are a CLIP's, and better than chance."""

import hashlib

import pytest
import torch
from safetensors import safe_open

from promptsrc.clip.frozen import load_clip
from promptsrc.clip.openai import CLIP
from promptsrc.weights.names import BUNDLED, read_weights
from runs.settings import BUNDLED as SHIPPED
from tools.embedded.evaluate import DOMAINS, _balanced, parse_args, zero_shot
from tools.embedded.pack import main, packed
from tools.embedded.pretrain import SIZES

FORMER = "eca47387e09d6df6727c80a73575bf16381789388b462827810a168571ee391b"

every_file = pytest.mark.parametrize("name", BUNDLED)


@every_file
def test_keys_and_shapes_are_those_of_clips_own_model(name):
    expected = {
        key: value.shape for key, value in CLIP(**SIZES, vocab_size=49408).state_dict().items()
    }
    assert {key: value.shape for key, value in read_weights(name).state.items()} == expected


@every_file
def test_archive_is_half_precision_and_says_what_it_is(name):
    with safe_open(BUNDLED[name], "pt") as file:
        metadata, dtypes = file.metadata(), {key: file.get_tensor(key).dtype for key in file.keys()}  # noqa: SIM118
    assert metadata["input_resolution"] == "48" and metadata["licence"].startswith("MIT; ")
    assert int(metadata["samples_seen"]) > 100_000
    assert dtypes.pop("token_embedding.ids") == torch.int32
    assert set(dtypes.values()) == {torch.float16}


@every_file
def test_weights_are_finite_and_the_scale_is_at_most_100(name):
    weights = read_weights(name).state
    assert all(value.isfinite().all() for value in weights.values())
    assert weights["logit_scale"].exp() <= 100.1


@every_file
def test_start_end_and_placeholder_tokens_are_there(name):
    with safe_open(BUNDLED[name], "pt") as file:
        ids = file.get_tensor("token_embedding.ids").tolist()
    assert {49406, 49407, 343} <= set(ids)  # start, end, `X`
    assert ids == sorted(set(ids))


def test_packing_keeps_each_embedding_row_with_its_token():
    model = {
        "token_embedding.weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        "ln_final.weight": torch.ones(2),
    }
    tensors, metadata = packed(model, torch.tensor([7, 40000]), 12)
    assert tensors["token_embedding.rows"].tolist() == [[1, 2], [3, 4]]
    assert tensors["token_embedding.ids"].tolist() == [7, 40000]
    assert set(tensors) == {"token_embedding.rows", "token_embedding.ids", "ln_final.weight"}
    assert metadata["samples_seen"] == "12"


def test_packed_weights_are_a_backbone(tmp_path):
    model = CLIP(**SIZES, vocab_size=3).state_dict()
    content = {"model": model, "ids": torch.tensor([5, 343, 49407]), "samples": 12}
    torch.save(content, tmp_path / "clip.pt")
    shipped = [file.read_bytes() for file in BUNDLED.values()]
    main(tmp_path)
    state = read_weights(str(tmp_path / "clip.safetensors")).state
    embedding = state["token_embedding.weight"]
    assert embedding.shape == (49408, SIZES["transformer_width"])
    assert torch.equal(embedding[343], model["token_embedding.weight"][1].half().float())
    assert [file.read_bytes() for file in BUNDLED.values()] == shipped


def test_zero_shot_is_far_above_chance_on_every_dataset(in_root):
    found = [zero_shot(load_clip(SHIPPED), folder, "test") for folder in DOMAINS]
    times = [each.all * each.classes / 100 for each in found]
    assert min(times) > 3 and sum(times) / len(times) > 5
    for each in found:
        base, new = (each.classes + 1) // 2, each.classes // 2
        assert each.base > 2.5 * 100 / base and each.new > 2.5 * 100 / new


def test_the_former_weights_stay_as_they_were():
    """Prompts that were trained with them would silently be wrong with others."""
    content = BUNDLED["ViT-T/8"].read_bytes()
    assert hashlib.sha256(content).hexdigest() == FORMER


def test_balanced_accuracy_weighs_classes_equally_and_predicts_no_other():
    scores = torch.tensor(
        [[9, 1, 0, 0], [9, 1, 0, 0], [9, 1, 0, 0], [1, 9, 0, 0], [9, 0, 2, 3], [9, 0, 3, 2]]
    )
    labels = torch.tensor([0, 0, 0, 0, 3, 2])
    assert _balanced(scores, labels, range(1)) == 100.0
    assert _balanced(scores, labels, range(2, 4)) == 100.0
    labels = torch.tensor([0, 0, 0, 1, 3, 3])
    assert _balanced(scores, labels, range(2)) == 100.0
    scores, labels = torch.cat([scores, scores[:1]]), torch.tensor([0, 0, 0, 1, 3, 3, 1])
    assert _balanced(scores, labels, range(2)) == 75.0


def test_a_folder_without_a_split_is_one_line(in_root, tmp_path, capsys):
    assert parse_args([]) == DOMAINS and parse_args([str(DOMAINS[2])]) == [DOMAINS[2]]
    with pytest.raises(SystemExit) as end:
        parse_args([str(tmp_path)])
    assert end.value.code == 2
    assert f"error: {tmp_path} has no split_zhou_*.json" in capsys.readouterr().err
