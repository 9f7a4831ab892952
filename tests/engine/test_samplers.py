"""The order of items."""

import pytest
from dassl.data.samplers import build_sampler


def test_samplers(items):
    order = list(build_sampler("RandomClassSampler", data_source=items, batch_size=4, n_ins=2))
    for i in range(0, len(order), 4):
        labels = [items[k].label for k in order[i : i + 4]]
        assert labels[0] == labels[1] != labels[2] == labels[3]
    assert list(build_sampler("SequentialSampler", data_source=items)) == list(range(18))
    assert sorted(build_sampler("RandomSampler", data_source=items)) == list(range(18))
    with pytest.raises(ValueError, match="sampler is 'Best'; choose one of RandomSampler"):
        build_sampler("Best", data_source=items)
