"""The method file for every shipped trainer and backbone."""

import pytest

from promptsrc.weights.names import BUNDLED as ALL_BUNDLED
from promptsrc.weights.names import backbone_names
from runs.settings import BUNDLED, STANDARD, fitting, spelled, trainers
from runs.yaml_file import read_yaml


@pytest.mark.parametrize("trainer", trainers())
def test_every_shipped_trainer_has_settings_for_every_backbone(trainer, in_root):
    for name in backbone_names():
        found = read_yaml(fitting(trainer, name))["MODEL"]["BACKBONE"]["NAME"]
        assert found in ([BUNDLED] if name in ALL_BUNDLED else [name, STANDARD])
    assert read_yaml(fitting(trainer, BUNDLED))["MODEL"]["BACKBONE"]["NAME"] == BUNDLED


@pytest.mark.parametrize(
    ("trainer", "backbone", "file"),
    [
        ("CoCoOp", "ViT-B/16", "CoCoOp/vit_b16_c4_ep10_batch1_ctxv1"),  # the published of four
        ("CoOp", "RN50", "CoOp/rn50"),
        ("ZeroshotCLIP2", "ViT-B/32", "CoOp/vit_b32"),
        ("PromptSRC", "my/weights.pt", "PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx"),
    ],
)
def test_the_published_file_comes_first(trainer, backbone, file, in_root):
    assert str(fitting(trainer, backbone).with_suffix("")).endswith(f"configs/trainers/{file}")


def test_names_in_any_case():
    assert [spelled(name.upper()) for name in trainers()] == trainers()
    assert spelled("DePT") == "ExtrasLinearProbeCoOp"
    assert spelled("Other") == "Other"
