"""Results and runs that several tests read."""

import contextlib
import io
import json
import shutil

import pytest

import train
from report import paper
from runs.protocols import ELEVEN, Method
from tests.conftest import ROOT
from tests.report.made import base_new

NAMES = {"0": '<b>&"bird', "drink": "drink", "flower": "flower", "building": "building"}
CONFIGS = {
    "PromptSRC": "PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx",
    "IVLP": "IVLP/vit_t8_c2_ep20_batch4_4+4ctx",
    "VPT": "VPT/vit_t8*",
    "MaPLe": "MaPLe/vit_t8*",
    "CoOp": "CoOp/vit_t8*",
    "CoCoOp": "CoCoOp/vit_t8*",
    "ZeroshotCLIP": "CoOp/vit_t8*",
    "ZeroshotCLIP2": "CoOp/vit_t8*",
}


@pytest.fixture
def as_published(tmp_path):
    """PromptSRC with the paper's own accuracies, but 0.13 less on new classes."""
    for dataset in ELEVEN:
        config = Method("PromptSRC", "").setting("base2new", dataset).file.stem
        base, new = (
            paper.accuracy("base2new", "PromptSRC", dataset, part).percent
            for part in ("base", "new")
        )
        base_new(tmp_path, dataset, 1, base, f"{new - 0.13:.2f}", config=config)
    return tmp_path


@pytest.fixture(scope="package")
def data(tmp_path_factory):
    """Own data: 4 classes of 8 images, half of them to test on; HTML has to escape one name."""
    root = tmp_path_factory.mktemp("data")
    for folder, name in NAMES.items():
        source = ROOT / "data" / "emoji" / "images" / ("bird" if "bird" in name else name)
        for part, start in (("train", 0), ("test", 4)):
            (root / "mine" / part / folder).mkdir(parents=True)
            for file in sorted(source.iterdir())[start:32:8]:
                shutil.copy(file, root / "mine" / part / folder)
    (root / "mine" / "names.json").write_text(json.dumps(NAMES))
    (root / "mine.yaml").write_text(
        "DATASET:\n  NAME: ImageFolder\n  FOLDER: mine\n  CLASS_NAMES: names.json\n"
    )
    return root


@pytest.fixture(scope="package")
def run(data):
    """A function that runs train.py on this data for three epochs; it returns what was printed."""

    def train_py(folder, trainer, *pairs, flags=()):
        config = min((ROOT / "configs" / "trainers").glob(f"{CONFIGS[trainer]}.yaml"))
        words = f"--trainer {trainer} --root {data} --dataset-config-file {data / 'mine.yaml'} "
        words += f"--config-file {config} --seed 1 --output-dir {folder}"
        settings = ("OPTIM.MAX_EPOCH", "3", "TRAIN.PRINT_FREQ", "1", *pairs)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert train.main([*words.split(), *flags, *settings]) == 0
        return out.getvalue()

    return train_py


@pytest.fixture(scope="package")
def trained(run, tmp_path_factory):
    """A run of PromptSRC; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("runs") / "promptsrc"
    run(folder, "PromptSRC", "TRAINER.PROMPTSRC.GPA_MEAN", "2")
    return folder
