"""What settings choose by dataset, against configs/protocols.yaml."""

import pytest

from report.settings import choice

GPA = "TRAINER.PROMPTSRC.GPA_{}"


@pytest.mark.parametrize(
    "method, protocol, shots, expected",
    [
        (
            "PromptSRC",
            "few-shot",
            [1, 16],
            "Settings chosen by dataset, as published: TRAINER.PROMPTSRC.GPA_MEAN 30 or 45, "
            "TRAINER.PROMPTSRC.GPA_STD 30 or 5",
        ),
        (
            "PromptSRC (fixed setting)",
            "few-shot",
            [1, 16],
            "One setting for all datasets: TRAINER.PROMPTSRC.GPA_MEAN 30, "
            "TRAINER.PROMPTSRC.GPA_STD 30",
        ),
        ("PromptSRC", "base2new", [16], ""),
        ("PromptSRC (OPTIM.LR 0.1)", "few-shot", [16], ""),
        ("PromptSRC (fixed setting, OPTIM.LR 0.1)", "few-shot", [16], ""),
        ("Mine (c)", "few-shot", [16], ""),
        ("CoOp", "few-shot", [1], ""),
        (
            "ProGrad",
            "few-shot",
            [4, 8],
            "Settings chosen by dataset, as published: OPTIM.MAX_EPOCH 50 to 200, "
            "LOSS.LAMBDA 1 or 0.8",
        ),
        (
            "MMRL",
            "base2new",
            [16],
            "Settings chosen by dataset, as published: DATALOADER.TRAIN_X.BATCH_SIZE 32 or 4, "
            "OPTIM.MAX_EPOCH 5 or 10, TRAINER.MMRL.REG_WEIGHT 0.01 to 7, "
            "TRAINER.MMRL.REP_DIM 512 or 2048",
        ),
    ],
)
def test_what_is_chosen_by_dataset(method, protocol, shots, expected, in_root):
    assert choice(method, protocol, shots) == expected
