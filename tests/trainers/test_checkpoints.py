"""Checkpoints both ways: the reference's whole state dicts load; ours hold the prompts alone."""

import json

import numpy as np
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

import train
from promptsrc.checkpoint import read_checkpoint
from tests.parity import batches_of, config_of, eval_images_of, load_cases, recorded
from tests.parity.cases import GOLDENS
from tests.tiny_clip import tiny_clip_state_dict

CASES, TOLERANCES = load_cases(GOLDENS)
KEYS = json.loads(
    (GOLDENS / "checkpoint_keys.json").read_text()
)  # every key of the reference's files, with its shape


def trainer_of(name, output, classnames=None, **optim):
    case = CASES[name]
    cfg = config_of(case, output)
    cfg.OPTIM.update(optim)
    names = classnames or case["novel_class_names"]
    return recorded(TRAINER_REGISTRY.get(case["trainer"]), names, batches_of(case))(cfg)


def write_reference_file(name, folder, dtype, prefix):
    """The reference's file at the end of a case: the recorded prompts in a whole state dict."""
    case, golden = CASES[name], np.load(GOLDENS / f"{name}.npz")
    state = {}
    for key, shape in KEYS[name].items():
        learned = f"param/final/{case['checkpoint']['state_dict_prefix']}{key}"
        value = torch.from_numpy(golden[learned]) if learned in golden.files else torch.randn(shape)
        state[prefix + key] = value.to(dtype)
    path = folder / case["checkpoint"]["folder"] / case["checkpoint"]["file"]
    path.parent.mkdir(parents=True)
    rest = {
        "epoch": case["checkpoint"]["epoch_value"],
        "optimizer": {},
        "scheduler": {},
        "val_result": None,
    }
    torch.save({"state_dict": state, **rest}, path)
    return golden["eval_logits_novel"]


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, "fp32"), (torch.float16, "fp16")])
@pytest.mark.parametrize("name", KEYS)
def test_a_reference_checkpoint_gives_its_logits_on_new_classes(
    tmp_path, name, dtype, tolerance, prefix
):
    expected = write_reference_file(name, tmp_path / "reference", dtype, prefix)
    trainer = trainer_of(name, tmp_path)
    trainer.load_model(str(tmp_path / "reference"), epoch=CASES[name]["checkpoint"]["epoch_value"])
    with torch.no_grad():
        logits = trainer.model_inference(eval_images_of(CASES[name])).numpy()
    assert np.abs(logits - expected).max() <= TOLERANCES[tolerance]["logits"]


@pytest.mark.parametrize("name", ["coop_generic", "cocoop_default", "promptsrc_ckpt_small"])
def test_a_file_that_the_reference_itself_wrote(tmp_path, name, capsys):
    trainer, epoch = trainer_of(name, tmp_path), CASES[name]["checkpoint"]["epoch_value"]
    trainer.load_model(str(GOLDENS / "checkpoints" / name), epoch=epoch)
    assert f'Loading weights to {trainer.registered_as} from "{GOLDENS}' in capsys.readouterr().out
    with torch.no_grad():
        logits = trainer.model_inference(eval_images_of(CASES[name])).numpy()
    assert (
        np.abs(logits - np.load(GOLDENS / f"{name}.npz")["eval_logits_novel"]).max()
        <= TOLERANCES["fp32"]["logits"]
    )


@pytest.mark.parametrize("name", KEYS)
def test_ours_hold_what_was_learned_under_the_references_keys(tmp_path, name):
    case = CASES[name]
    trainer = trainer_of(name, tmp_path, case["class_names"], MAX_EPOCH=1)
    trainer.train()
    path = tmp_path / case["checkpoint"]["folder"] / "model.pth.tar-1"
    checkpoint = torch.load(path, weights_only=True)  # so any loader takes it
    assert {"state_dict", "epoch", "optimizer", "scheduler", "val_result"} <= checkpoint.keys()
    prefix = case["checkpoint"]["state_dict_prefix"]
    learned = {key.removeprefix(prefix): shape for key, shape in case["trainable"].items()}
    assert {key: list(value.shape) for key, value in checkpoint["state_dict"].items()} == learned
    assert checkpoint["state_dict"].keys() <= KEYS[name].keys()
    numbers = sum(value.numel() for value in checkpoint["state_dict"].values())
    copies = 3 if trainer.regulation else 2  # with momentum, and with the sum of the aggregation
    assert path.stat().st_size < 4 * copies * numbers + 60_000


def test_files_of_another_method_are_refused_and_nothing_is_loaded(tmp_path):
    write_reference_file("maple_default", tmp_path / "maple", torch.float32, "")
    (tmp_path / "maple" / "MultiModalPromptLearner").rename(tmp_path / "maple" / "VLPromptLearner")
    trainer = trainer_of("ivlp_default", tmp_path)
    before = {key: value.clone() for key, value in trainer.prompts.state_dict().items()}
    with pytest.raises(
        ValueError, match=r"prompt_learner.ctx is \(2, 128\), not \(4, 128\)"
    ) as refusal:
        trainer.load_model(str(tmp_path / "maple"), epoch=2)
    assert "\n" not in str(refusal.value) and "prompt_learner.proj.weight is not expected" in str(
        refusal.value
    )
    assert all(
        torch.equal(value, before[key]) for key, value in trainer.prompts.state_dict().items()
    )


def test_contexts_per_class_are_matched_by_name(tmp_path):
    trainer_of("coop_csc", tmp_path, CASES["coop_csc"]["class_names"], MAX_EPOCH=1).train()
    names = CASES["coop_csc"]["class_names"]
    learned = read_checkpoint(tmp_path / "prompt_learner" / "model.pth.tar-1")["state_dict"]["ctx"]
    chosen = trainer_of("coop_csc", tmp_path, [names[3], names[1]])
    chosen.load_model(str(tmp_path), epoch=1)
    assert torch.equal(chosen.prompts.ctx.data, learned[[3, 1]])
    other = trainer_of("coop_csc", tmp_path, [names[0], "no such class"])
    with pytest.raises(ValueError, match="for each class, but not for 'no such class'; it knows"):
        other.load_model(str(tmp_path), epoch=1)
    with pytest.raises(
        ValueError, match=f"on other classes .there: '{names[0]}', here: '{names[3]}"
    ):
        chosen.resume_model_if_exist(str(tmp_path))


def test_contexts_per_class_without_class_names_need_as_many_classes(tmp_path):
    trainer_of("coop_csc", tmp_path, CASES["coop_csc"]["class_names"], MAX_EPOCH=1).train()
    path = tmp_path / "prompt_learner" / "model.pth.tar-1"
    checkpoint = read_checkpoint(path)
    del checkpoint["trainer_state"]  # as in a file of the reference
    torch.save(checkpoint, path)
    path.with_name("checkpoint").write_text(f"{path.name}\n")
    few = trainer_of("coop_csc", tmp_path, ["cat", "dog"])
    with pytest.raises(ValueError, match=r"ctx is \(5, 16, 128\), not \(2, 16, 128\) \(one per"):
        few.load_model(str(tmp_path), 1)


def test_the_description_says_how_to_use_the_prompts(tmp_path):
    trainer = trainer_of(
        "maple_default", tmp_path, CASES["maple_default"]["class_names"], MAX_EPOCH=1
    )
    trainer.train()
    state = read_checkpoint(tmp_path / "MultiModalPromptLearner" / "model.pth.tar-1")[
        "trainer_state"
    ]
    assert state["prompts"]["method"] == "MaPLe" and state["prompts"]["learner"] == "CoupledPrompts"
    assert state["prompts"]["settings"] == {"n": 2, "depth": 4, "ctx_init": "a photo of a"}


def test_train_py_tests_a_run_of_the_reference(tmp_path, in_root, capsys):
    clip, settings = (
        CASES["promptsrc_ckpt_small"]["clip"],
        "configs/trainers/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx.yaml",
    )
    torch.save(tiny_clip_state_dict(clip["seed"], **clip["kwargs"]), tmp_path / "clip.pt")
    words = [
        "--trainer",
        "PromptSRC",
        "--root",
        "data",
        "--dataset-config-file",
        "configs/datasets/emoji.yaml",
    ]
    words += [
        "--config-file",
        settings,
        "--backbone",
        str(tmp_path / "clip.pt"),
        "--output-dir",
        str(tmp_path / "out"),
    ]
    words += [
        "--eval-only",
        "--model-dir",
        str(GOLDENS / "checkpoints" / "promptsrc_ckpt_small"),
        "--load-epoch",
        "4",
    ]
    assert train.main([*words, "INPUT.SIZE", "(32, 32)", "DATASET.SUBSAMPLE_CLASSES", "new"]) == 0
    out = capsys.readouterr().out
    assert "Loading weights to VLPromptLearner" in out and "* total: 165\n" in out
