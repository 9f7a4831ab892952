"""Which method and which part of a protocol a result is of."""

from dataclasses import replace

import pytest

import train
from report.results import Cells, Seeds, by_method, find
from runs import layout
from runs.protocols import Method, method_file, plan
from tests.report.made import TEST, put


def setting(protocol, dataset):
    return Method("PromptSRC", "").setting(protocol, dataset)


def test_shots_of_base2new_are_kept_apart(tmp_path):
    accuracies = {("PromptSRC", 16): 80.0, ("PromptSRC", 4): 70.0}
    accuracies |= {("ZeroshotCLIP", shots): 60.0 for shots in (16, 4)}  # shots change nothing
    for (trainer, shots), accuracy in accuracies.items():
        file = Method(trainer, "").setting("base2new", "dtd").file.stem
        put(tmp_path, layout.base2new("train_base", "dtd", trainer, file, shots, 1), accuracy)
    methods = by_method(find(tmp_path), "base2new")
    found = {label: cells["dtd", "base"] for label, cells in methods.items()}
    assert found == {
        "PromptSRC": {1: 80.0},
        "PromptSRC (4 shots)": {1: 70.0},
        "ZeroshotCLIP": {1: 60.0},
    }


def test_changed_settings_are_in_the_label(tmp_path, in_root):
    published = setting("base2new", "dtd")
    place = layout.base2new("train_base", "dtd", "PromptSRC", published.file.stem, 16, 1)
    put(tmp_path, place, 80.0)
    words = ["--config-file", str(published.file), "OPTIM.LR", "0.1"]
    changed = train.setup_config(train.parse_args(words)).dump()
    corrupted = changed.replace("CORRUPTION: ''", "CORRUPTION: pixelate")
    assert corrupted != changed
    for config, label in (
        (changed, "PromptSRC (OPTIM.LR 0.1)"),
        (corrupted, "PromptSRC (OPTIM.LR 0.1, TEST.CORRUPTION pixelate)"),
        (changed.replace("LR: 0.1", "LR: 0.0025"), "PromptSRC"),
    ):
        (tmp_path / place / "config.yaml").write_text(config)
        methods = by_method(find(tmp_path), "base2new")
        assert methods == {label: {("dtd", "base"): {1: 80.0}}}


def test_a_method_file_that_is_not_published_is_in_the_label(tmp_path):
    put(tmp_path, layout.base2new("test_new", "dtd", "Mine", "cfg", 16, 2), 70.0, TEST)
    assert by_method(find(tmp_path), "base2new") == {"Mine (cfg)": {("dtd", "new"): {2: 70.0}}}


def test_varied_values_are_in_the_label(tmp_path, in_root):
    """Also those that no table compares, and those of a method file that is not published."""
    published = setting("base2new", "dtd")
    words = ["--config-file", str(published.file), "OPTIM.LR", "2e-2"]
    config = train.setup_config(train.parse_args(words)).dump()
    usual = config.replace("LR: 0.02", "LR: 0.0025")
    rate, seen = ("OPTIM.LR", "2e-2"), ("DATASET.NUM_LABELED", "5")
    for name, values, text, label in (
        (published.file.stem, (rate,), config, "PromptSRC (OPTIM.LR 0.02)"),
        (published.file.stem, (("OPTIM.LR", "0.0025"),), usual, "PromptSRC"),
        (
            published.file.stem,
            (rate, seen),
            config,
            "PromptSRC (OPTIM.LR 0.02, DATASET.NUM_LABELED 5)",
        ),
        ("cfg", (rate,), config, "PromptSRC (cfg, OPTIM.LR 2e-2)"),
    ):
        place = layout.base2new("train_base", "dtd", "PromptSRC", name, 16, 1, values=values)
        put(output := tmp_path / label, place, 80.0)
        (output / place / "config.yaml").write_text(text)
        assert by_method(find(output), "base2new") == {label: {("dtd", "base"): {1: 80.0}}}


@pytest.mark.parametrize(
    "protocol, expected",
    [
        ("few-shot", {("imagenet", "0"), ("dtd", "0")}),
        ("cross-dataset", {("imagenet", "source"), ("dtd", "target")}),
        ("domain-generalization", {("imagenet", "source"), ("imagenet_a", "target")}),
        ("base2new", set()),
    ],
)
def test_zero_shot_clip_is_part_of_three_protocols(tmp_path, protocol, expected):
    for dataset in ("imagenet", "dtd", "imagenet_a"):
        put(tmp_path, layout.zero_shot(dataset, "ZeroshotCLIP", "vit_b16"), 60.0, TEST)
    cells = by_method(find(tmp_path), protocol)
    assert {key for found in cells.values() for key in found} == expected


@pytest.mark.parametrize("published_for", ["few-shot", "cross-dataset"])
def test_a_training_on_imagenet_is_part_of_what_it_is_published_for(tmp_path, published_for):
    config = setting(published_for, "imagenet").file.stem
    put(tmp_path, layout.all_classes("imagenet", "PromptSRC", config, 16, 1), 71.0)
    part = {"few-shot": "16", "cross-dataset": "source"}
    for protocol in part:
        found = by_method(find(tmp_path), protocol)
        cells = {"PromptSRC": {("imagenet", part[protocol]): {1: 71.0}}}
        assert found == (cells if protocol == published_for else {})


def test_means_and_averages():
    cells = Cells({("a", "base"): Seeds({1: 10.0, 2: 20.0}), ("b", "base"): Seeds({3: 25.0})})
    assert cells.seeds == [1, 2, 3]
    assert (cells["a", "base"].mean, cells["a", "base"].std) == (15.0, 5.0)
    assert (cells.mean("b", "base"), cells.mean("b", "new")) == (25.0, None)
    assert cells.average(["a", "b"], "base") == 20.0
    assert cells.average(["a", "b", "c"], "base") is cells.average([], "base") is None


def test_averages_of_each_seed_and_medians():
    cells = Cells(
        {("a", "base"): Seeds({1: 10.0, 2: 20.0, 3: 60.0}), ("b", "base"): Seeds({2: 4.0})}
    )
    assert cells.by_seed(["a", "b"], "base") == {2: 12.0}
    assert cells.by_seed(["a", "c"], "base") == cells.by_seed([], "base") == {}
    assert cells.medians().average(["a", "b"], "base") == 12.0


def test_the_fixed_few_shot_setting_is_a_method_of_its_own(tmp_path, in_root):
    """As a sweep runs it: published where the label is PromptSRC, and the same for all datasets."""
    method = Method(
        "PromptSRC", "data", tmp_path, method_file("PromptSRC", "vit_b16_few_shot_fixed")
    )
    for dataset in ("caltech101", "dtd"):
        for chosen in (method, replace(method, file=None)):
            (job,) = plan("few-shot", chosen, [dataset], [1], [4])
            put(tmp_path, job.folder.relative_to(tmp_path), 70.0)
            (job.folder / "config.yaml").write_text(job.config().dump())
    cells = {("caltech101", "4"): {1: 70.0}, ("dtd", "4"): {1: 70.0}}
    assert by_method(find(tmp_path), "few-shot") == {
        "PromptSRC": cells,
        "PromptSRC (fixed setting)": cells,
    }


def test_a_changed_key_of_the_fixed_setting_is_in_the_label(tmp_path, in_root):
    method = Method(
        "PromptSRC",
        "data",
        tmp_path,
        method_file("PromptSRC", "vit_b16_few_shot_fixed"),
        pairs=("OPTIM.LR", "0.1"),
    )
    (job,) = plan("few-shot", method, ["dtd"], [1], [4])
    put(tmp_path, job.folder.relative_to(tmp_path), 70.0)
    (job.folder / "config.yaml").write_text(job.config().dump())
    assert list(by_method(find(tmp_path), "few-shot")) == [
        "PromptSRC (fixed setting, OPTIM.LR 0.1)"
    ]


def test_the_fixed_setting_on_imagenet_is_not_a_source(tmp_path):
    place = layout.all_classes("imagenet", "PromptSRC", "vit_b16_few_shot_fixed", 16, 1)
    put(tmp_path, place, 71.0)
    results = find(tmp_path)
    assert list(by_method(results, "few-shot")) == ["PromptSRC (fixed setting)"]
    assert by_method(results, "cross-dataset") == {}
