"""Folders have the names that CoOp-style repositories use, and are read back."""

from pathlib import PurePosixPath

import pytest

from runs import layout
from runs.layout import Place

VARIANT = "nctx16_cscFalse_ctpend"
VALUES = (("INPUT.SIZE", "(224, 224)"), ("TRAINER.COOP.CTX_INIT", "a 50% / é = b"), ("A", ""))


@pytest.mark.parametrize(
    "folder, place",
    [
        (
            layout.base2new("test_new", "dtd", "PromptSRC", "vit_b16", 16, 2),
            Place("test_new", "dtd", "PromptSRC", "vit_b16", 16, 2),
        ),
        (
            layout.all_classes("dtd", "MaPLe", "c_2ctx", 4, 1),
            Place("all_classes", "dtd", "MaPLe", "c_2ctx", 4, 1),
        ),
        (
            layout.all_classes("imagenet", "CoOp", "rn50", 16, 1, "nctx16_cscTrue_ctpend"),
            Place("all_classes", "imagenet", "CoOp", "rn50", 16, 1, "nctx16_cscTrue_ctpend"),
        ),
        (
            layout.transfer("ucf101", "VPT", "c", 16, 3),
            Place("transfer", "ucf101", "VPT", "c", 16, 3),
        ),
        (
            layout.transfer("ucf101", "CoOp", "c", 16, 3, "nctx16_cscFalse_ctpend"),
            Place("transfer", "ucf101", "CoOp", "c", 16, 3, "nctx16_cscFalse_ctpend"),
        ),
        (
            layout.zero_shot("sun397", "ZeroshotCLIP", "vit_b16"),
            Place("zero_shot", "sun397", "ZeroshotCLIP", "vit_b16"),
        ),
        (
            "few_shot/dtd/PromptSRC/c_1shots/seed1",
            Place("all_classes", "dtd", "PromptSRC", "c", 1, 1),
        ),
        (
            layout.base2new("test_new", "dtd", "KgCoOp", "c", 16, 2, "8.0"),
            Place("test_new", "dtd", "KgCoOp", "c", 16, 2, "8.0"),
        ),
        *(
            (folder, Place(kind, "dtd", "CoOp", "c", *of, VARIANT * (kind != "test_new"), VALUES))
            for kind, of, folder in (
                (
                    "test_new",
                    (16, 2),
                    layout.base2new("test_new", "dtd", "CoOp", "c", 16, 2, "", VALUES),
                ),
                (
                    "all_classes",
                    (4, 1),
                    layout.all_classes("dtd", "CoOp", "c", 4, 1, VARIANT, VALUES),
                ),
                ("transfer", (16, 3), layout.transfer("dtd", "CoOp", "c", 16, 3, VARIANT, VALUES)),
            )
        ),
        (
            layout.zero_shot("sun397", "ZeroshotCLIP", "vit_b16", VALUES[:1]),
            Place("zero_shot", "sun397", "ZeroshotCLIP", "vit_b16", values=VALUES[:1]),
        ),
        ("dtd/PromptSRC/c_1shots/seed1/VLPromptLearner", None),
        ("demo/base2new/train_base/emoji/shots_16/PromptSRC/c/seed1", None),
    ],
)
def test_a_folder_says_what_it_is_the_result_of(folder, place):
    assert layout.read(PurePosixPath(folder)) == place


def test_the_folders():
    assert (
        layout.base2new("train_base", "D", "T", "G", 16, 1)
        == "base2new/train_base/D/shots_16/T/G/seed1"
    )
    weighted = layout.base2new("train_base", "D", "KgCoOp", "G", 16, 1, "8.0")
    assert weighted == "base2new/train_base/D/shots_16_8.0/KgCoOp/G/seed1"
    assert (
        layout.all_classes("D", "CoOp", "G", 4, 2, "nctx4_cscFalse_ctpend")
        == "D/CoOp/G_4shots/nctx4_cscFalse_ctpend/seed2"
    )
    values = (("OPTIM.LR", "0.002"), ("TRAINER.COOP.CTX_INIT", "a photo/.."))
    assert (
        layout.base2new("test_new", "D", "T", "G", 16, 1, values=values)
        == "base2new/test_new/D/shots_16/T/G/OPTIM.LR=0.002/"
        "TRAINER.COOP.CTX_INIT=a%20photo%2F../seed1"
    )
    assert layout.transfer("D", "T", "G", 16, 3) == "evaluation/T/G_16shots/D/seed3"
