"""`make test-plugins`, on a repository made here: one trainer works, one fails, one only tests."""

import json
import subprocess
import sys

import pytest
import torch

from tests.conftest import ROOT
from tools.plugins.checkout import Checkout, copies
from tools.plugins.launch import OnCPU, Report
from tools.plugins.made import SIZES, make_weights
from tools.plugins.table import Row, compared
from tools.plugins.tryout import Outcome, Result

CLIP = """
import hashlib, os, urllib.request

_MODELS = {"ViT-B/16": "https://openaipublic.example/0123abcd/ViT-B-16.pt"}


def _download(url, root):
    os.makedirs(root, exist_ok=True)
    target = os.path.join(root, os.path.basename(url))
    with urllib.request.urlopen(url) as source, open(target, "wb") as file:
        file.write(source.read())
    with open(target, "rb") as file:
        assert hashlib.sha256(file.read()).hexdigest() == url.split("/")[-2]
    return target
"""
TRAIN = """
import argparse, json, os

import torch
from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY, Datum, DatasetBase
from dassl.engine import TRAINER_REGISTRY, TrainerX, build_trainer
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import set_random_seed, setup_logger

import clip


@DATASET_REGISTRY.register()
class Caltech101(DatasetBase):
    def __init__(self, cfg):
        root = os.path.join(cfg.DATASET.ROOT, "caltech-101")
        with open(os.path.join(root, "split_zhou_Caltech101.json")) as file:
            split = json.load(file)
        labels = (2, 3) if cfg.DATASET.SUBSAMPLE_CLASSES == "new" else (0, 1)
        parts = [
            [
                Datum(os.path.join(root, "101_ObjectCategories", path), label - labels[0], 0, name)
                for path, label, name in split[part]
                if label in labels
            ]
            for part in ("train", "val", "test")
        ]
        super().__init__(train_x=parts[0], val=parts[1], test=parts[2])


class Base(TrainerX):
    def build_model(self):
        weights = torch.load(clip._download(clip._MODELS["ViT-B/16"], os.environ["HOME"]))
        self.scale = weights["logit_scale"].item()
        self.model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2)).cuda()


@TRAINER_REGISTRY.register()
class Works(Base):
    def build_model(self):
        super().build_model()
        self.optim = build_optimizer(self.model, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        self.register_model("net", self.model, self.optim, self.sched)

    def forward_backward(self, batch):
        images, labels = batch["img"].to("cuda"), batch["label"]
        loss = torch.nn.functional.cross_entropy(self.scale * self.model(images), labels)
        self.model_backward_and_update(loss)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {"loss": loss.item()}


@TRAINER_REGISTRY.register()
class Fails(Works):
    def forward_backward(self, batch):
        raise ArithmeticError("a | b")


@TRAINER_REGISTRY.register()
class Unseeded(Works):
    def forward_backward(self, batch):
        return {"loss": super().forward_backward(batch)["loss"] + os.urandom(1)[0]}


@TRAINER_REGISTRY.register()
class Tests(Base):
    pass


def extend_cfg(cfg):
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("root", "output-dir", "trainer", "model-dir"):
        parser.add_argument(f"--{name}", default="")
    for name in ("seed", "load-epoch"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--eval-only", action="store_true")
    parser.add_argument("opts", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    cfg = get_cfg_default()
    extend_cfg(cfg)
    cfg.DATASET.ROOT, cfg.OUTPUT_DIR, cfg.TRAINER.NAME = args.root, args.output_dir, args.trainer
    cfg.merge_from_list(args.opts)
    set_random_seed(args.seed)
    setup_logger(cfg.OUTPUT_DIR)
    trainer = build_trainer(cfg)
    if args.eval_only:
        trainer.load_model(args.model_dir, epoch=args.load_epoch)
        trainer.test()
    else:
        trainer.train()
"""


@pytest.fixture
def plugin(tmp_path):
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "clip.py").write_text(CLIP)
    (folder / "train.py").write_text(TRAIN)
    return folder


def tool(*words):
    command = [sys.executable, "-m", "tools.plugins", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.timeout(900)  # it starts twelve runs
def test_the_table_says_what_works(plugin, tmp_path):
    before = sorted(plugin.rglob("*"))
    ended = tool(plugin, "--work", tmp_path / "work")
    *_, works, fails, unseeded, tests = ended.stdout.splitlines()
    cpu = "" if torch.cuda.is_available() else "CUDA calls kept on the CPU"
    assert works == f"| plugin | ? | Works | yes | yes | yes | {cpu} |", ended.stderr
    assert fails.startswith("| plugin | ? | Fails | no | - | - | `ArithmeticError: a \\| b`")
    assert "| Unseeded | yes | yes | yes | two trainings with one seed differ" in unseeded
    assert tests.startswith("| plugin | ? | Tests | - | yes | - |")
    assert ended.returncode == 1  # of Fails nobody knows whether it is the engine's failure
    assert sorted(plugin.rglob("*")) == before


def test_a_folder_without_a_training_script_is_a_line(tmp_path):
    ended = tool(tmp_path)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert f"{tmp_path} has no train.py" in ended.stderr


def test_scripts_one_folder_down_are_found(plugin, tmp_path):
    (tmp_path / "whole").mkdir()
    plugin.rename(tmp_path / "whole/part")
    (checkout,) = copies(tmp_path / "whole", tmp_path / "work")
    assert checkout.name == "whole/part" and (checkout.folder / "clip.py").exists()


def test_a_repository_may_need_a_resnet_or_a_script_to_run_first(tmp_path):
    checkouts = [
        Checkout(name, "?", tmp_path, "train.py") for name in ("CoOp", "PLOT/plot-coop", "UPL")
    ]
    assert [c.backbone for c in checkouts] == ["ViT-B/16", "RN50", "ViT-B/16"]
    assert [c.first and c.first.script for c in checkouts] == [None, None, "get_info.py"]
    assert "RN50" in checkouts[1].command("PLOT", tmp_path, tmp_path, "base")
    address = make_weights(tmp_path / "made", SIZES["RN50"]["resnet"])
    state = torch.load(address.removeprefix("file://"))
    assert state["visual.layer4.2.conv3.weight"].shape == (512, 128, 1, 1)
    assert sum(name.endswith("conv3.weight") for name in state) == 3 + 4 + 6 + 3 + 1  # of the stem


def test_without_cuda_tensors_stay_on_the_cpu_and_half_is_single(tmp_path):
    report = Report(str(tmp_path / "report"))
    with OnCPU(report):
        tensors = [
            torch.ones(2).cuda(),
            torch.ones(2).to("cuda:0"),
            torch.zeros(2, device=torch.device("cuda")),
            torch.nn.Linear(2, 2).cuda().weight,
            torch.ones(2).half(),
            torch.ones(2).type(torch.float16),
            torch.nn.Linear(2, 2).half().weight,
        ]
    assert {(t.device.type, t.dtype) for t in tensors} == {("cpu", torch.float32)}
    lines = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert lines == [{"redirected": "CUDA"}, {"redirected": "half precision"}]


@pytest.mark.parametrize(
    ("here", "there", "ours"),
    [
        (Result("yes", "yes", "yes"), None, False),
        (Result("no"), None, True),
        (Result("no"), Result("no"), False),
        (Result("no"), Result("yes", "yes", "yes"), True),
        (Result("yes", "no", "no"), Result("yes", "no", "yes"), True),
        (Result("yes", "no", "no"), Result("yes", "no", "no"), False),
    ],
)
def test_a_failure_is_ours_unless_the_same_fails_there(here, there, ours):
    assert Row("r", "c", "t", here, there).ours is ours


def test_other_losses_are_told_apart():
    resumed = Result("yes", "yes", "yes", exact=False)
    assert Row("r", "c", "t", resumed).note == "resumes with other losses"
    resumed.repeats = False
    assert Row("r", "c", "t", resumed).note == "two trainings with one seed differ"


def test_the_error_is_the_last_exception():
    output = (
        "ValueError: one\n\nDuring handling ...\n  RuntimeError: indented\nos.MyError: two\nbye"
    )
    assert Outcome(1, output).error == "os.MyError: two"
    assert Outcome(-14, "").error == "exit code -14"


def test_losses_are_compared():
    one = [{"epoch": 0, "losses": {"loss": 1.0}}]
    assert compared(one, one) == "losses equal bit for bit"
    assert compared(one, [{"epoch": 0, "losses": {"loss": 1.5}}]) == "losses within 5.0e-01"
    assert compared(one, [{"epoch": 0, "losses": {"other": 1.0}}]) == "other losses"
    assert compared(one, []) == ""
    undefined = [{"epoch": 0, "losses": {"loss": float("nan")}}]
    assert compared(undefined, json.loads(json.dumps(undefined))) == "losses equal bit for bit"
