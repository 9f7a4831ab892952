"""The order of items."""

import json
import signal
from pathlib import Path

import pytest
from dassl.data.samplers import build_sampler
from dassl.engine import build_trainer
from dassl.utils import set_random_seed
from dassl.utils.signals import Stopped

from tests.engine import observed, toy

GOLDENS = json.loads(Path(__file__).with_name("observed.json").read_text())


def test_orders_are_those_of_dassl_pytorch():
    """Made by `observed.py` on Dassl.pytorch 0.6.3."""
    assert observed.orders() == GOLDENS["orders"]


def test_samplers(items):
    order = list(build_sampler("RandomClassSampler", data_source=items, batch_size=4, n_ins=2))
    for i in range(0, len(order), 4):
        labels = [items[k].label for k in order[i : i + 4]]
        assert labels[0] == labels[1] != labels[2] == labels[3]
    assert list(build_sampler("SequentialSampler", data_source=items)) == list(range(18))
    assert sorted(build_sampler("RandomSampler", data_source=items)) == list(range(18))
    with pytest.raises(ValueError, match="sampler is 'Best'; choose one of RandomSampler"):
        build_sampler("Best", data_source=items)


@pytest.mark.parametrize(
    "sampler, settings, message",
    [
        ("RandomDomainSampler", {"n_domain": 2}, "N_DOMAIN is 2, but the data has 1 domains"),
        ("RandomDomainSampler", {"batch_size": 19}, "of 19 take 19 items .* domain 0 has 18"),
        ("SeqDomainSampler", {"batch_size": 0}, "size 0 is not a multiple of 1 domains"),
        ("RandomClassSampler", {"n_ins": 0}, "N_INS is 0 items per class; it is at least 1"),
        ("RandomClassSampler", {"n_ins": 5}, "at most the batch size, 4"),
        (
            "RandomClassSampler",
            {"n_ins": 1},
            "take 4 classes, 1 item.s. of each .N_INS., but the data has 3",
        ),
    ],
)
def test_what_makes_no_batch_is_refused(items, sampler, settings, message):
    with pytest.raises(ValueError, match=message):
        build_sampler(sampler, data_source=items, **{"batch_size": 4} | settings)


@pytest.mark.parametrize("stopped_at", [(0, 1), (3, 2)])
def test_a_run_whose_epochs_differ_in_length_resumes_bit_for_bit(
    root, tmp_path, monkeypatch, stopped_at
):
    def run(name):
        cfg = toy.config(root, tmp_path / name)
        cfg.DATALOADER.TRAIN_X.SAMPLER, cfg.DATALOADER.TRAIN_X.N_INS = "RandomClassSampler", 2
        set_random_seed(3)
        trainer = build_trainer(cfg)
        trainer.train()
        return trainer

    whole = run("whole")
    assert len({sum(1 for _ in whole.train_loader_x) for _ in range(20)}) > 1
    monkeypatch.setattr(toy.ToyTrainer, "ends_at", stopped_at)
    monkeypatch.setattr(toy.ToyTrainer, "ends_by", signal.SIGTERM)
    with pytest.raises(Stopped, match="its state is saved"):
        run("stopped")
    monkeypatch.setattr(toy.ToyTrainer, "ends_at", None)
    toy.assert_same(whole, run("stopped"))
