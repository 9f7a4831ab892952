"""The method file in configs/trainers that fits a trainer and a backbone."""

from pathlib import Path

from promptsrc.weights import names
from runs import layout
from runs.yaml_file import read_yaml

_here, _root = Path.cwd(), Path(__file__).resolve().parents[1]
ROOT = _root.relative_to(_here) if _root.is_relative_to(_here) else _root  # short in commands
CONFIGS = ROOT / "configs"
BUNDLED = "ViT-T/8-v2"
STANDARD = "ViT-B/16"  # the published settings are for it


def trainers() -> list[str]:
    """The shipped trainers, as they are spelled."""
    folders = sorted(
        path.name for path in (_root / "configs" / "trainers").iterdir() if path.is_dir()
    )
    return [*folders, "ZeroshotCLIP", "ZeroshotCLIP2"]


def spelled(trainer: str) -> str:
    """A shipped trainer's name, typed in any case; other names unchanged."""
    known = {name.lower(): name for name in trainers()} | {"dept": "ExtrasLinearProbeCoOp"}
    return known.get(trainer.lower(), trainer)


def method_folder(trainer: str) -> Path:
    """Where a trainer's method files are; zero-shot CLIP uses CoOp's."""
    return CONFIGS / "trainers" / ("CoOp" if layout.is_zero_shot(trainer) else trainer)


def fitting(trainer: str, backbone: str) -> Path:
    """The base-to-new settings of a shipped trainer for a backbone, or those of few-shot.

    A backbone without settings of its own has those of ViT-B/16.

    Raises:
        ValueError: there are none.
    """
    protocols = read_yaml(CONFIGS / "protocols.yaml")
    entries = [protocols[name].get(trainer) for name in ("base2new", "few-shot")]
    published = next((entry["config"] for entry in entries if isinstance(entry, dict)), "")
    if backbone in names.BUNDLED:  # also the former one
        backbone = BUNDLED
    by_backbone: dict[str, list[Path]] = {}
    for file in sorted(method_folder(trainer).glob("*.yaml")):
        name = read_yaml(file).get("MODEL", {}).get("BACKBONE", {}).get("NAME", "")
        by_backbone.setdefault(name, []).append(file)
    if found := by_backbone.get(backbone) or by_backbone.get(STANDARD):
        return next((file for file in found if file.stem == published), found[0])
    raise ValueError(f"no settings of {trainer} for backbone {backbone}; add --config-file")
