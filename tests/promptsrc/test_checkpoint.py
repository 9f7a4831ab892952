"""Reference checkpoints give the reference's logits; what does not fit is refused in one line."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from promptsrc.checkpoint import load_prompts, read_checkpoint
from promptsrc.clip.frozen import FrozenCLIP, build_clip
from promptsrc.clip.precision import precision
from promptsrc.prompts import DeepPrompts
from tests import tiny_clip
from tests.parity import load_cases

GOLDENS = Path(__file__).parents[1] / "goldens"
CASE = load_cases(GOLDENS)[0]["promptsrc_ckpt_small"]
FILE = GOLDENS / "checkpoints" / "promptsrc_ckpt_small" / "VLPromptLearner" / "model.pth.tar-4"


def prompts_of_the_case(depth=9, n=4, names=("cat", "dog")):
    clip = build_clip(
        tiny_clip.tiny_clip_state_dict(CASE["clip"]["seed"], **CASE["clip"]["kwargs"])
    )
    return clip, DeepPrompts(clip, names, n, depth, n, depth, "a photo of a")


@pytest.mark.parametrize(
    "prefix, dtype, tolerance",
    [("", torch.float32, 2e-3), ("module.", torch.float32, 2e-3), ("", torch.float16, 0.5)],
)
def test_a_reference_checkpoint_gives_the_references_logits(prefix, dtype, tolerance):
    state = read_checkpoint(FILE)["state_dict"]
    assert len(state) == 99  # the whole model
    state = {prefix + key: value.to(dtype) for key, value in state.items()}
    spec = CASE["eval_images"]
    images = torch.from_numpy(tiny_clip.images(spec["seed"], spec["n"], spec["resolution"]))
    golden = np.load(GOLDENS / CASE["file"])
    for names, key in (
        (CASE["class_names"], "eval_logits_train"),
        (CASE["novel_class_names"], "eval_logits_novel"),
    ):
        clip, prompts = prompts_of_the_case(names=names)
        load_prompts(prompts, state, FILE)
        ours = prompts.student(FrozenCLIP(clip, precision("fp32", "cpu"))).classify(images)
        assert np.abs(ours.detach().numpy() - golden[key]).max() <= tolerance


@pytest.mark.parametrize(
    "depth, n, message",
    [
        (1, 4, "image_encoder.transformer.resblocks.1.VPT_shallow is not expected"),
        (2, 2, r"prompt_learner.ctx is \(4, 64\), not \(2, 64\)"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused_by_its_differences(depth, n, message):
    _, prompts = prompts_of_the_case(depth, n)
    before = prompts.text[0].clone()
    with pytest.raises(
        ValueError, match=f"model.pth.tar-4 does not fit this method and its settings: .*{message}"
    ):
        load_prompts(prompts, read_checkpoint(FILE)["state_dict"], FILE)
    assert torch.equal(prompts.text[0], before)


def test_a_checkpoint_of_another_method_is_refused():
    _, prompts = prompts_of_the_case()
    other = GOLDENS / "checkpoints" / "cocoop_default" / "prompt_learner" / "model.pth.tar-3"
    with pytest.raises(
        ValueError, match="prompt_learner.ctx is missing.*meta_net.linear1.weight is not expected"
    ):
        load_prompts(prompts, read_checkpoint(other)["state_dict"], other)


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


def test_nothing_is_unpickled_freely_and_damage_is_named(tmp_path, capsys):
    torch.save({"state_dict": Evil()}, tmp_path / "evil")
    shutil.copy(FILE, tmp_path / "cut")
    (tmp_path / "cut").write_bytes(FILE.read_bytes()[:50_000])
    (tmp_path / "empty").touch()
    for name in ("evil", "cut", "empty"):
        with pytest.raises(ValueError, match=f"{re.escape(name)} is not a readable checkpoint"):
            read_checkpoint(tmp_path / name)
    with pytest.raises(
        ValueError,
        match=r"evil is not a readable checkpoint .it holds [\w.]*print, which is not loaded",
    ):
        read_checkpoint(tmp_path / "evil")
    assert "unpickled" not in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="no checkpoint at .*none"):
        read_checkpoint(tmp_path / "none")


@pytest.mark.parametrize(
    "content",
    [
        [1],
        {"epoch": 3},
        {"state_dict": 5, "epoch": 3},
        {"state_dict": {"ctx": 1}, "epoch": 3},
        {"ctx": torch.ones(2)},
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path, content):
    torch.save(content, tmp_path / "other")
    with pytest.raises(ValueError, match="other is not a checkpoint: it needs state_dict"):
        read_checkpoint(tmp_path / "other")
