"""Own methods: the one of docs/OWN_METHOD.md, and one that uses every hook of a trainer."""

import importlib.util
import re
import sys

import pytest
import torch
import torch.nn.functional as F
from dassl.engine import TRAINER_REGISTRY

from promptsrc.checkpoint import read_checkpoint
from promptsrc.clip.zeroshot import template_features
from promptsrc.inference.classifier import Classifier
from promptsrc.inference.prompt_file import read_prompts
from promptsrc.model import unit
from promptsrc.prompts import LEARNERS
from promptsrc.regulation import gaussian_weights
from tests.conftest import ROOT
from tests.parity import batches_of, config_of, eval_images_of, recorded
from tests.trainers.test_checkpoints import CASES
from tests.trainers.test_pack import by_content
from trainers import pack
from trainers.ivlp import IVLP

CASE = CASES["ivlp_default"]
NAMES = CASE["class_names"]


@pytest.fixture
def late(tmp_path, monkeypatch):
    """The page's method, from the page, as `trainers.late`."""
    page = (ROOT / "docs" / "OWN_METHOD.md").read_text(encoding="utf-8")
    (tmp_path / "late.py").write_text(re.search(r"```python\n(.*?)```", page, re.S)[1])
    spec = importlib.util.spec_from_file_location("trainers.late", tmp_path / "late.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "trainers.late", module)
    spec.loader.exec_module(module)
    yield module
    del LEARNERS["LatePrompts"]
    TRAINER_REGISTRY._obj_map.pop("Late", None)


def trainer_of(base, output, names=NAMES, epochs=3, extend=None, optim=(), seed=3, **changed):
    cfg = config_of(CASE, output)
    if extend:
        extend(cfg)
        cfg.TRAINER.LATE.PREC = "fp32"
    cfg.TRAINER.NAME, cfg.OPTIM.MAX_EPOCH = base.__name__, epochs
    cfg.REGULATION.update(changed)
    cfg.OPTIM.update(optim)
    torch.manual_seed(seed)
    return recorded(base, names, batches_of(CASE))(cfg)


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_the_pages_method_trains_resumes_and_meets_new_classes(late, tmp_path):
    def trainer(folder, **kwargs):
        (tmp_path / folder).mkdir(exist_ok=True)
        return trainer_of(late.Late, tmp_path / folder, extend=late.extend_cfg, **kwargs)

    whole, stopped = trainer("whole"), trainer("stopped")
    before = {key: value.clone() for key, value in whole.prompts.state_dict().items()}
    assert {key: tuple(value.shape) for key, value in before.items()} == {
        f"for_{tower}.{i}": (4, 128) for tower in ("text", "image") for i in (0, 1)
    }
    assert [*whole.prompts.text] == [*whole.prompts.image] == [2, 3]
    whole.train()
    final = whole.prompts.state_dict()
    assert not any(torch.equal(before[key], final[key]) for key in final)

    stopped.after_epoch_of = stopped.after_epoch
    with pytest.raises(InterruptedError):  # a kill after two of three epochs
        stopped.after_epoch = lambda: stopped.after_epoch_of() or _kill(stopped)
        stopped.train()
    resumed = trainer("stopped")
    resumed.train()
    assert equal(resumed.prompts.state_dict(), final)

    new = trainer("whole", names=CASE["novel_class_names"])
    new.load_model(str(tmp_path / "whole"), epoch=3)
    images = eval_images_of(CASE)
    with torch.no_grad():
        logits = new.model_inference(images)
    path = tmp_path / "whole" / "prompt_learner" / "model.pth.tar-3"
    description = read_checkpoint(path)["trainer_state"]["prompts"]
    assert description["learner"] == "LatePrompts" and description["module"] == "trainers.late"
    alone = Classifier(read_prompts(path), "cpu").model(CASE["novel_class_names"])
    torch.testing.assert_close(alone.classify(images), logits, atol=1e-4, rtol=0)


def _kill(trainer):
    if trainer.epoch == 1:
        raise InterruptedError


def test_the_pages_method_is_regulated(late, tmp_path):
    settings = {"ENABLED": True, "GPA_MEAN": 2.0, "GPA_STD": 1.0}
    trainer = trainer_of(late.Late, tmp_path, extend=late.extend_cfg, **settings)
    trainer.train()
    assert trainer.steps[-1]["losses"].keys() >= {"loss_scl_text", "loss_scl_image"}
    weights = gaussian_weights(3, 2.0, 1.0)
    for key, value in trainer.prompts.named_parameters():
        average = sum(w * e["raw"][key] for w, e in zip(weights, trainer.epochs, strict=True))
        torch.testing.assert_close(value.data, average, atol=1e-6, rtol=0)


class Hooked(IVLP):
    """ProGrad's step on IVLP: remove the part of the gradient that opposes the zero-shot model."""

    def build_targets(self, frozen):
        assert frozen.clip.dtype == torch.float32
        self.zero_shot = unit(template_features(frozen.clip, self.classnames, "a photo of a {}."))

    def parameter_groups(self):
        text = [p for name, p in self.prompts.named_parameters() if "image" not in name]
        image = [p for name, p in self.prompts.named_parameters() if "image" in name]
        return [{"params": text}, {"params": image, "lr": 0.0}]

    def step(self, images, labels):
        student = self.model.encode(images)
        zero_shot = self.model.frozen.logits(student.image, self.zero_shot)
        target = zero_shot.softmax(-1).detach()
        teacher = F.kl_div(student.logits.log_softmax(-1), target, reduction="batchmean")
        self.backward(teacher, retain_graph=True)
        general = [p.grad.clone() for p in self.prompts.parameters()]
        loss = F.cross_entropy(student.logits, labels)
        self.backward(loss)
        for p, g in zip(self.prompts.parameters(), general, strict=True):
            dot = (p.grad * g).sum()
            if dot < 0:
                p.grad -= dot / (g * g).sum() * g
            assert (p.grad * g).sum() >= -1e-5 * p.grad.norm() * g.norm()
        self.update()
        self.seen = self.__dict__.get("seen", 0) + 1
        return {"loss": loss, "kl_loss": teacher}


@pytest.mark.parametrize("own", ["Late", "Hooked"])
def test_an_own_method_packs(own, late, tmp_path, monkeypatch):
    """One that learns other vectors, and one whose step has two backward passes."""
    kinds = {"Late": (late.Late, late.extend_cfg), "Hooked": (Hooked, None)}
    by_content(monkeypatch)
    together, encode = [], pack.SharedCLIP.encode_text

    def counted(self, texts, prompts):
        together.append(len(texts))
        return encode(self, texts, prompts)

    def train(way, seed):
        (folder := tmp_path / f"{way}{seed}").mkdir()
        kind, extend = kinds[own]
        trainer = trainer_of(kind, folder, extend=extend, seed=seed)
        trainer.train()
        found[way, seed] = trainer.prompts.state_dict()
        return 0

    found = {}
    train("alone", 3), train("alone", 4)
    monkeypatch.setattr(pack.SharedCLIP, "encode_text", counted)
    works = {str(seed): lambda seed=seed: train("pack", seed) for seed in (3, 4)}
    assert pack.Pack(works).run() == {"3": 0, "4": 0}
    assert {*together} == {2}
    for seed in (3, 4):
        for key, value in found["alone", seed].items():
            torch.testing.assert_close(found["pack", seed][key], value, atol=1e-5, rtol=0)
    assert not equal(found["pack", 3], found["pack", 4])


def test_every_hook_of_a_trainer(tmp_path, capsys):
    trainer = trainer_of(Hooked, tmp_path, epochs=2, optim={"WARMUP_EPOCH": -1})
    before = {key: value.clone() for key, value in trainer.prompts.state_dict().items()}
    trainer.train()
    assert trainer.seen == 2 * trainer.num_batches and "kl_loss" in capsys.readouterr().out
    for key, value in trainer.prompts.state_dict().items():
        assert torch.equal(value, before[key]) == ("image" in key)  # their rate is 0


def test_a_name_that_another_module_has_is_refused():
    from promptsrc.prompts import PromptLearner

    with pytest.raises(ValueError, match="has a learner DeepPrompts, which promptsrc.prompts.deep"):
        type("DeepPrompts", (PromptLearner,), {"__module__": "mine"})
