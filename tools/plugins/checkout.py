"""A checkout of somebody's repository: its script, its trainers, the command line of each."""

import shutil
import subprocess
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from tools.plugins.made import PIXELS

SCRIPTS = ("train.py", "upl_train.py")
DATA = {  # registered dataset: its settings; the first that is there is taken
    "SSCaltech101": {"DATASET.NUM_SHOTS": "4"},
    "Caltech101": {"DATASET.NUM_SHOTS": "4"},
    "SSDGPACS": {
        "DATASET.SOURCE_DOMAINS": "['art_painting', 'cartoon', 'photo']",
        "DATASET.TARGET_DOMAINS": "['sketch']",
        "DATASET.NUM_LABELED": "24",
        "DATALOADER.TRAIN_X.BATCH_SIZE": "6",
        "MODEL.BACKBONE.NAME": "resnet18",
        "MODEL.BACKBONE.PRETRAINED": "False",
    },
    "OfficeHome": {
        "DATASET.SOURCE_DOMAINS": "['art']",
        "DATASET.TARGET_DOMAINS": "['clipart']",
    },
}
ASKED = {  # repository: what its script, or a CLIP that is never sure, does not run without
    "MMRL": ("TASK", "B2N"),
    "PDA": ("--domains", "a-c", "--dataset-config-file", "configs/datasets/officehome.yaml"),
    "DAPrompt": ("TRAINER.DAPL.TAU", "0.0"),
    "PLOT/plot-pp": ("--device", "cpu"),
    "UPL": ("MODEL.PSEUDO_LABEL_MODELS", "['ViT-B-16']"),
}
RESNETS = ("PLOT/plot-coop",)  # whose code takes the features of no other CLIP
FIRST = {"UPL": "get_info.py"}  # a script that makes what the training reads
SMALL = {
    "DATALOADER.NUM_WORKERS": "0",
    "DATALOADER.TRAIN_X.BATCH_SIZE": "4",
    "DATALOADER.TEST.BATCH_SIZE": "8",
    "INPUT.SIZE": f"({PIXELS}, {PIXELS})",
    "OPTIM.MAX_EPOCH": "2",
    "TRAIN.PRINT_FREQ": "1",
    "TRAIN.CHECKPOINT_FREQ": "1",
}


@dataclass
class Checkout:
    """A folder with a training script; `trainers` says of each whether it trains."""

    name: str
    commit: str
    folder: Path
    script: str
    trainers: dict[str, bool] = field(default_factory=dict)
    datasets: list[str] = field(default_factory=list)

    @property
    def backbone(self) -> str:
        """Name of the CLIP that it is tried on."""
        return "RN50" if self.name in RESNETS else "ViT-B/16"

    @property
    def first(self) -> "Checkout | None":
        """This checkout with the script to run before the training, if there is one."""
        script = FIRST.get(self.name)
        return replace(self, script=script) if script else None

    @cached_property
    def has_new_classes(self) -> bool:
        """Whether its datasets can be halved."""
        texts = (file.read_text(errors="replace") for file in self.folder.rglob("*.py"))
        return any("DATASET.SUBSAMPLE_CLASSES" in text for text in texts)

    def command(self, trainer: str, data: Path, output: Path, classes: str) -> list[str]:
        """Arguments of the script, as the repository's own scripts give them."""
        dataset = next((name for name in DATA if name in self.datasets), "")
        named = {"DATASET.NAME": dataset, "MODEL.BACKBONE.NAME": self.backbone}
        settings = {**named, **SMALL, **DATA.get(dataset, {})}
        if self.has_new_classes:
            settings["DATASET.SUBSAMPLE_CLASSES"] = classes
        config = self._config(trainer)
        return [
            *("--root", str(data), "--output-dir", str(output), "--seed", "1"),
            *("--trainer", trainer, *(["--config-file", config] if config else [])),
            *ASKED.get(self.name, ()),
            *(word for setting in settings.items() for word in setting),
        ]

    def _config(self, trainer: str) -> str | None:
        """A configuration of the repository that goes by the trainer's name."""
        files = sorted((self.folder / "configs/trainers").rglob("*.yaml"))
        named = [
            file
            for file in files
            if trainer.lower() in (file.stem.lower(), file.parent.name.lower())
        ]
        found = named or (files if len(files) == 1 else [])
        found.sort(key=lambda file: "vit_b16" not in file.name)
        return str(found[0].relative_to(self.folder)) if found else None


def copies(folder: Path, work: Path) -> list[Checkout]:
    """Copies of every folder below `folder`, or itself, that has a training script.

    Raises:
        ValueError: there is none.
    """
    name = folder.resolve().name
    commit = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    found = [file for script in SCRIPTS for file in sorted(folder.glob(script))]
    found = found or [file for script in SCRIPTS for file in sorted(folder.glob(f"*/{script}"))]
    if not found:
        raise ValueError(f"{folder} has no {' or '.join(SCRIPTS)}: give a checkout of a plug-in")
    checkouts = []
    for file in found:
        part = file.parent.relative_to(folder).as_posix()
        label = name if part in (".", name) else f"{name}/{part}"
        copy = work / label / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        left_out = shutil.ignore_patterns(".git", "__pycache__")
        shutil.copytree(file.parent, copy, symlinks=True, ignore=left_out)
        checkouts.append(Checkout(label, commit or "?", copy, file.name))
    return checkouts
