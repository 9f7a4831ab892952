"""CLIP-LoRA: batches in place of epochs, dropout in training alone, published files."""

import numpy as np
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from dassl.utils.signals import Stopped

import promptsrc
from promptsrc.clip.openai import CLIP
from promptsrc.clip.vectors import drops
from promptsrc.inference.formats import write
from promptsrc.inference.prompt_file import read_prompts
from promptsrc.prompts.lora import LowRankUpdates, chosen
from tests.parity import config_of, eval_images_of, load_cases, recorded
from tests.parity.cases import MORE2 as GOLDENS
from tests.runs.test_unused import built
from trainers.lora import Passes

CASES, TOLERANCES = load_cases(GOLDENS)

NAMES = ["clip_lora", "clip_lora_vision"]
SHORT = {
    "TRAINER.CLIP_LORA.ITERS_PER_SHOT": 6,
    "DATALOADER.TRAIN_X.BATCH_SIZE": 7,
    "TEST.NO_TEST": True,
}


def test_passes_have_every_image_once_and_the_last_batch_of_a_pass():
    torch.manual_seed(2)
    batches = list(sampler := Passes(images=10, size=4, batches=8))
    assert len(sampler) == 8
    assert [len(batch) for batch in batches] == [4, 4, 2, 4, 4, 2, 4, 4]
    passes = [[i for batch in batches[at : at + 3] for i in batch] for at in (0, 3)]
    assert [sorted(each) for each in passes] == [[*range(10)]] * 2
    assert passes[0] != passes[1]
    torch.manual_seed(2)
    assert list(sampler) == batches


def test_a_stopped_run_resumes_bit_for_bit(tmp_path):
    _, whole = built("CLIPLoRA", tmp_path / "whole", **SHORT)
    whole.train()
    assert len(whole.train_loader_x) == 6
    _, first = built("CLIPLoRA", tmp_path / "stopped", **SHORT)

    def step(*batch, step=first.step):
        if first.batch_idx == 3:
            first.stop_signals.asked = "SIGTERM"
        return step(*batch)

    first.step = step
    with pytest.raises(Stopped, match="after batch 4 of 6; its state is saved"):
        first.train()
    torch.manual_seed(99)
    _, second = built("CLIPLoRA", tmp_path / "stopped", **SHORT)
    second.train()
    ours, theirs = second.prompts.state_dict(), whole.prompts.state_dict()
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    assert any(value.any() for key, value in theirs.items() if key.endswith("_B"))


def test_training_drops_and_a_test_does_not(tmp_path):
    _, trainer = built("CLIPLoRA", tmp_path, **SHORT)
    trainer.train()
    images = torch.randn(2, 3, 48, 48)
    with torch.no_grad():
        trainer.set_model_mode("train")
        assert drops(trainer.prompts.text) and drops(trainer.prompts.image)
        one, other = (trainer.model.encode(images).logits for _ in range(2))
        assert not torch.equal(one, other)
        trainer.set_model_mode("eval")
        assert not drops(trainer.prompts.text) and not drops(trainer.prompts.image)
        expected = trainer.model_inference(images)
    model = promptsrc.load(tmp_path, "cpu").model()
    torch.testing.assert_close(model.classify(images), expected)
    prompts = read_prompts(tmp_path)
    assert "within" in write(prompts, ["owl", "fox"], tmp_path / "new.pt2")
    assert write(prompts, None, tmp_path / "trained.npz").startswith("weights (")


def trainer_of(name, output, **changed):
    cfg = config_of(CASES[name], output)
    cfg.OPTIM.MAX_EPOCH = 1
    cfg.TRAINER.CLIP_LORA.update({"PREC": "fp32"} | changed)
    return recorded(TRAINER_REGISTRY.get("CLIPLoRA"), CASES[name]["novel_class_names"], [])(cfg)


def write_theirs(name, folder):
    """The recorded end of a case as the published code saves it."""
    golden, layers = np.load(GOLDENS / f"{name}.npz"), CASES[name]["saved_file"]["weights"]
    towers = ("transformer", "visual.transformer")
    blocks = [f"{tower}.resblocks.{i}" for tower in towers for i in range(4)][-len(layers) :]
    weights = {
        layer: {
            part: {
                key: torch.from_numpy(golden[f"param/final/{block}.attn.{part}.{key}"])
                for key in shapes
            }
            for part, shapes in parts.items()
        }
        for (layer, parts), block in zip(layers.items(), blocks, strict=True)
    }
    content = {"weights": weights, "metadata": CASES[name]["saved_file"]["metadata"]}
    torch.save(content, folder / "lora_weights.pt")
    return golden["eval_logits_novel"]


@pytest.mark.parametrize("name", NAMES)
def test_a_published_file_gives_its_logits_on_new_classes(tmp_path, name, capsys):
    expected, trainer = write_theirs(name, tmp_path), trainer_of(name, tmp_path)
    trainer.load_model(str(tmp_path))
    assert 'Loading weights to lora from "' in capsys.readouterr().out
    with torch.no_grad():
        logits = trainer.model_inference(eval_images_of(CASES[name])).numpy()
    assert np.abs(logits - expected).max() <= TOLERANCES["fp32"]["logits"]


def test_a_published_file_of_other_layers_is_refused(tmp_path):
    write_theirs("clip_lora", tmp_path)
    trainer = trainer_of("clip_lora", tmp_path, ENCODER="text")
    with pytest.raises(ValueError, match="lora_weights.pt does not fit these updates"):
        trainer.load_model(str(tmp_path))
    (tmp_path / "lora_weights.pt").write_text("nothing")
    with pytest.raises(ValueError, match="lora_weights.pt does not fit these updates"):
        trainer.load_model(str(tmp_path))
    trainer = trainer_of("clip_lora", tmp_path, R=3)
    write_theirs("clip_lora", tmp_path)
    with pytest.raises(ValueError, match=r"q_proj.w_lora_A is \(2, 64\), not \(3, 64\)"):
        trainer.load_model(str(tmp_path))


def test_as_many_parameters_as_published():
    settings = {"encoder": "both", "position": "all", "params": ["q", "k", "v"], "r": 2}
    with torch.device("meta"):
        clip = CLIP(512, 224, 12, 768, 16, 77, 49408, 512, 8, 12)  # ViT-B/16
        prompts = LowRankUpdates(clip, ["cat"], **settings, alpha=1, dropout=0.25)
    assert sum(value.numel() for value in prompts.parameters()) == 184_320


@pytest.mark.parametrize(
    "position, of_12, of_24",
    [
        ("all", range(12), range(24)),
        ("bottom", range(4), range(4)),
        ("mid", range(4, 8), range(4, 8)),
        ("up", range(8, 12), range(8, 12)),
        ("half-bottom", range(6), range(12)),
        ("half-up", range(6, 12), range(12, 24)),
        ("top3", range(9, 12), range(9, 12)),
    ],
)
def test_the_blocks_of_a_position(position, of_12, of_24):
    assert (chosen(position, 12), chosen(position, 24)) == (of_12, of_24)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"ENCODER": "image"}, "ENCODER is 'image', .*; choose one of both, text, vision"),
        ({"POSITION": "top1"}, "POSITION 'top1'; choose one of .*half-up, top3"),
        ({"POSITION": "up"}, "POSITION is 'up', but a tower has 4 blocks"),
        ({"PARAMS": []}, r"PARAMS is \[\]; list some of q, k, v, o"),
        ({"PARAMS": ["mlp"]}, r"PARAMS is \['mlp'\]; list some of q, k, v, o"),
        ({"R": 0}, "R is 0, .*; take 1 to 1000"),
        ({"DROPOUT": 1.0}, "DROPOUT 1.0; .* below 1"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        trainer_of("clip_lora", tmp_path, **changed)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"OPTIM.MAX_EPOCH": 50}, "OPTIM.MAX_EPOCH is 50, .*; set 1, .*ITERS_PER_SHOT"),
        ({"REGULATION.ENABLED": True}, "REGULATION.ENABLED True, but CLIPLoRA counts batches"),
        (
            {"DATALOADER.TRAIN_X.SAMPLER": "SequentialSampler"},
            "SAMPLER 'SequentialSampler', .* but",
        ),
    ],
)
def test_keys_of_epochs_are_refused(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        built("CLIPLoRA", tmp_path, **changed)


def test_a_training_without_batches_is_refused(tmp_path):
    _, trainer = built("CLIPLoRA", tmp_path, **{"TRAINER.CLIP_LORA.ITERS_PER_SHOT": 0})
    with pytest.raises(ValueError, match="NUM_SHOTS is 1, TRAINER.CLIP_LORA.ITERS_PER_SHOT 0; the"):
        trainer.train()
