"""Running averages."""

import pytest
import torch
from dassl.utils import MetricMeter


def test_a_meter_does_not_wait_for_a_device_before_it_is_read():
    meter = MetricMeter()
    for _ in range(3):
        meter.update({"loss": torch.ones((), device="meta")})  # has no value that could be read
    assert meter.meters["loss"].count == 3
    with pytest.raises((RuntimeError, NotImplementedError)):
        str(meter)


def test_meters():
    meter = MetricMeter()
    meter.update({"loss": 1.0, "acc": torch.tensor(50.0)})
    meter.update({"loss": 3.0})
    assert str(meter) == "loss 3.0000 (2.0000) acc 50.0000 (50.0000)"
    with pytest.raises(TypeError, match="dict of numbers"):
        meter.update([1])
