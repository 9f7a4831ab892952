"""Values that are not allowed."""

import pytest
from dassl.engine.check_config import check_config


@pytest.mark.parametrize(
    "pair, message",
    [
        (
            ["TEST.FINAL_MODEL", "best"],
            "TEST.FINAL_MODEL is 'best'; choose one of last_step, best_",
        ),
        (["TEST.SPLIT", "vall"], "TEST.SPLIT is 'vall'; choose one of val, test"),
        (["TRAIN.PRINT_FREQ", 0], "TRAIN.PRINT_FREQ is 0; it must be at least 1"),
        (["OPTIM.MAX_EPOCH", 0], "OPTIM.MAX_EPOCH is 0; it must be at least 1"),
        (["INPUT.PIXEL_MEAN", [0.5]], r"INPUT.PIXEL_MEAN is \[0.5\]; it takes three numbers"),
        (["INPUT.PIXEL_STD", ["a", 1, 1]], r"INPUT.PIXEL_STD is \['a', 1, 1\]; it takes three"),
        (["INPUT.SIZE", (224,)], r"INPUT.SIZE is \(224,\); it takes height and width"),
    ],
)
def test_values_that_are_not_allowed_are_refused(cfg, pair, message):
    cfg.merge_from_list(pair)
    with pytest.raises(ValueError, match=f"^{message}"):
        check_config(cfg)
