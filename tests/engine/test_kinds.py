"""Saved states against the states that they replace."""

import pytest
import torch
from dassl.utils.kinds import check_kinds, check_optimizer

OWN = {
    "lr": 0.1,
    "nesterov": False,
    "name": "sgd",
    "base_lrs": [0.1],
    "best": None,
    "t": torch.ones(2),
}


@pytest.mark.parametrize(
    "saved",
    [
        OWN,
        {},  # an older version's
        {"lr": 1, "best": 3.5, "other": object()},
        {"base_lrs": (0.2, 0.3)},
    ],
)
def test_the_same_kinds_pass(saved):
    check_kinds(saved, OWN, "schedule")


@pytest.mark.parametrize(
    "saved, message",
    [
        ([], "schedule is of type list, not dict"),
        ({"lr": "0.1"}, "schedule.lr is of type str, not float"),
        ({"lr": True}, "schedule.lr is of type bool, not float"),
        ({"nesterov": 1}, "schedule.nesterov is of type int, not bool"),
        ({"name": None}, "schedule.name is of type NoneType, not str"),
        ({"base_lrs": []}, "schedule.base_lrs is empty"),
        ({"base_lrs": [None]}, r"schedule.base_lrs\[0\] is of type NoneType, not float"),
        ({"best": torch.ones(2)}, "schedule.best is of type Tensor, not NoneType"),
        ({"t": 1.0}, "schedule.t is of type float, not a tensor"),
        ({"t": torch.ones(3)}, r"schedule.t is a torch.float32 tensor \(3,\) .*, not .* \(2,\)"),
        ({"t": torch.ones(2).double()}, "schedule.t is a torch.float64 tensor"),
        ({"t": torch.ones(2, device="meta")}, "schedule.t is a .* meta"),
    ],
)
def test_other_kinds_are_named(saved, message):
    with pytest.raises(ValueError, match=message):
        check_kinds(saved, OWN, "schedule")


@pytest.mark.parametrize(
    "kind, key", [(torch.optim.SGD, "momentum_buffer"), (torch.optim.Adam, "exp_avg_sq")]
)
def test_a_buffer_has_its_parameters_shape(kind, key):
    parameters = [torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(4))]
    optimizer = kind(parameters, 0.1, **({"momentum": 0.9} if kind is torch.optim.SGD else {}))
    sum(p.sum() for p in parameters).backward()
    optimizer.step()
    saved = optimizer.state_dict()
    check_optimizer(saved, optimizer)
    saved["state"][1][key] = torch.ones(2, 3)
    with pytest.raises(
        ValueError, match=rf"optimizer.state.1.{key} is a .* \(2, 3\) .*not .*\(4,\)"
    ):
        check_optimizer(saved, optimizer)
    saved["state"][1] = [1]
    with pytest.raises(ValueError, match="optimizer.state.1 is of type list, not dict"):
        check_optimizer(saved, optimizer)
