"""A recorded folder of somebody's trainer is replayed through ours, and a mistake in it is seen."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.parity import load_cases, replay
from tests.tools.test_plugins import CLIP, TRAIN

# a CoOp that has nothing of ours but the plain forward pass, in a script of the usual form
COOP = f"""
import sys
sys.path.append({str(ROOT)!r})
from promptsrc.clip import plain
from promptsrc.clip.frozen import build_clip
from promptsrc.clip.text import embed, tokenize
from torch import nn
from torch.nn import functional as F


class PromptLearner(nn.Module):
    def __init__(self, n, width):
        super().__init__()
        self.ctx = nn.Parameter(torch.randn(n, width))
        self.unused = nn.Parameter(torch.randn(2))


class CustomCLIP(nn.Module):
    def __init__(self, clip, names, n):
        super().__init__()
        self.clip, self.prompt_learner = clip, PromptLearner(n, 128)
        texts = [" ".join(["X"] * n) + f" {{name.replace('_', ' ')}}." for name in names]
        self.texts = embed(clip, texts, n)
        self.prompt_learner.tokenized_prompts = tokenize(texts)

    def forward(self, images):
        text = plain.encode_text(self.clip, self.texts, {{0: self.prompt_learner.ctx}})
        image = plain.encode_image(self.clip, images)
        cosines = F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).t()
        return self.clip.logit_scale.exp() * cosines


@TRAINER_REGISTRY.register()
class CoOp(TrainerX):
    def build_model(self):
        weights = torch.load(clip._download(clip._MODELS["ViT-B/16"], os.environ["HOME"]))
        n = self.cfg.TRAINER.COOP.N_CTX
        self.model = CustomCLIP(build_clip(weights), self.dm.dataset.classnames, n)
        learner = self.model.prompt_learner
        self.optim = build_optimizer(learner, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        self.register_model("prompt_learner", learner, self.optim, self.sched)

    def forward_backward(self, batch):
        loss = F.cross_entropy(self.model(batch["img"]), batch["label"])
        self.model_backward_and_update(loss)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {{"loss": loss.item()}}

    def load_model(self, directory, epoch=None):
        path = f"{{directory}}/prompt_learner/model.pth.tar-{{epoch}}"
        self.model.prompt_learner.load_state_dict(torch.load(path)["state_dict"])


"""
CONFIG = """    cfg.DATASET.SUBSAMPLE_CLASSES = "all"
    from yacs.config import CfgNode
    cfg.TRAINER.COOP = CfgNode({"N_CTX": 16, "PREC": "fp16"})
"""


def tool(*words):
    command = [sys.executable, "-m", "tools.goldens", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "openai.py").write_text(CLIP)  # the package clip is used beside it
    script = TRAIN.replace("import clip\n", "import openai as clip\n")
    before, after = script.split("@TRAINER_REGISTRY.register()\nclass Fails", 1)
    usual = '    cfg.DATASET.SUBSAMPLE_CLASSES = "all"\n'
    script = f"{before}{COOP}@TRAINER_REGISTRY.register()\nclass Fails{after}"
    (folder / "train.py").write_text(script.replace(usual, CONFIG))
    return folder


def beyond(folder):
    cases, tolerances = load_cases(folder)
    found = list(replay(folder, cases["coop"], tolerances["fp32"]))
    return len(found), [difference.array for difference in found if not difference.fits]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_recorded_case_is_replayed_through_our_trainer(plugin, tmp_path):
    settings = ["TRAINER.COOP.N_CTX", "3", "OPTIM.LR", "0.01", "OPTIM.MAX_EPOCH", "3"]
    ended = tool(plugin, "--trainer", "CoOp", "--out", tmp_path / "out", "--set", *settings)
    assert ended.returncode == 0, ended.stderr
    assert "coop, 14 arrays; python -m tests.parity" in ended.stdout
    case = json.loads((tmp_path / "out/cases.json").read_text())["cases"]["coop"]
    assert case["class_names"] == ["golden_retriever", "tabby_cat"]
    assert case["novel_class_names"] == ["fire_truck", "grand_piano"]
    assert [*case["injected"]["params"]] == [*case["trainable"]] == ["prompt_learner.ctx"]
    assert beyond(tmp_path / "out") == (14, [])

    path = tmp_path / "out/coop.npz"
    arrays = dict(np.load(path))
    arrays["loss"][2, 1] += 1e-3
    np.savez(path, **arrays)
    assert beyond(tmp_path / "out") == (14, ["loss"])


@pytest.mark.slow
def test_what_cannot_be_recorded_is_a_line(plugin, tmp_path):
    for trainer, message in (
        ("CoCoOp", "--trainer is 'CoCoOp'; "),
        ("Fails", "train.py failed: ArithmeticError: a | b"),
    ):
        ended = tool(plugin, "--trainer", trainer, "--out", tmp_path / "out")
        assert ended.returncode and message in ended.stderr and "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()
