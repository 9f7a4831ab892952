"""Tables against values worked out by hand, and what they say of missing results."""

import numpy as np
import pytest

from report.results import find
from report.tables import tables, unfinished, unread
from runs import layout
from runs.protocols import Method
from tests.report.made import TEST, TINY, base_new, put, put_scores, scores


def made(output):
    return {table.title: table for table in tables(find(output))}


def rows(table):
    return {row[0]: row[1:] for row in table.rows}


def test_base_new_and_the_harmonic_mean_of_averages(tmp_path):
    for seed, (base, new) in enumerate([(80.0, 70.1), (81.0, 70.2), (82.0, 70.6)], 1):
        base_new(tmp_path, "one", seed, base, new)
    for seed, (base, new) in enumerate([(60.0, 50.0), (60.0, 50.0), (60.3, 53.0)], 1):
        base_new(tmp_path, "two", seed, base, new)
    table = made(tmp_path)[f"Base-to-new, PromptSRC ({TINY})"]
    assert table.header == ["Dataset", "Base", "New", "HM"]
    assert rows(table) == {
        "one": ["81.00 ± 0.82", "70.30 ± 0.22", "75.27"],  # 2 * 81 * 70.3 / 151.3
        "two": ["60.10 ± 0.14", "51.00 ± 1.41", "55.18"],
        "Average": ["70.55", "60.65", "65.23"],  # the mean of the HMs would be 65.22
    }
    assert table.notes == ["Mean ± population standard deviation over seeds 1, 2, 3"]


def test_new_classes_without_a_test_of_their_own_are_those_of_the_training(tmp_path):
    base_new(tmp_path, "one", 1, 80.0, 70.0)
    second = layout.base2new("train_base", "one", "PromptSRC", TINY, 16, 2)
    put(tmp_path, second, 82.0)
    rng = np.random.default_rng(4)
    for seed, accuracy in ((1, 12.3456), (2, 60.0499)):  # of seed 1 the test's own 70.0 counts
        content = scores(rng)
        content["tests"]["new"]["accuracy"] = accuracy
        put_scores(tmp_path, second.replace("seed2", f"seed{seed}"), content)
    table = made(tmp_path)[f"Base-to-new, PromptSRC ({TINY})"]
    assert rows(table)["one"] == ["81.00 ± 1.00", "65.00 ± 5.00", "72.12"]


def test_what_is_missing_is_said(tmp_path):
    base_new(tmp_path, "dtd", 1, 80.0, 70.0)
    base_new(tmp_path, "dtd", 2, 80.0, 70.0)
    base_new(tmp_path, "eurosat", 1, 60.0, 50.0)
    put(tmp_path, layout.base2new("train_base", "ucf101", "PromptSRC", TINY, 16, 1), 90.0)
    begun = layout.base2new("train_base", "sun397", "PromptSRC", TINY, 16, 1)
    put(tmp_path, begun, 90.0, "epoch [1/20]")
    table = made(tmp_path)[f"Base-to-new, PromptSRC ({TINY})"]
    found = rows(table)
    assert found["EuroSAT"] == ["60.00 (1/2 seeds)", "50.00 (1/2 seeds)", "54.55"]
    assert found["UCF101"] == ["90.00 (1/2 seeds)", "–", "–"]
    assert found["Average (2 of 11 datasets)"] == ["70.00", "60.00", "64.62"]
    gone = (
        "ImageNet, Caltech101, OxfordPets, StanfordCars, Flowers102, Food101, FGVCAircraft, SUN397"
    )
    assert (
        f"missing: {gone}, EuroSAT (base of seed 2, new of seed 2), UCF101 (base of seed 2, new)"
        in table.notes
    )
    assert unfinished(find(tmp_path)) == [begun]


def test_beside_the_paper_with_the_difference_and_the_re_runs(as_published):
    table = made(as_published)["Base-to-new, PromptSRC"]
    average = rows(table)["Average"]
    assert average[:6] == ["84.26", "75.97", "79.90", "84.26", "76.10", "79.97"]
    assert average[6:] == ["+0.00", "-0.13", "-0.07", "inside inside inside"]
    beside = ["83.37", "62.97", "71.75", "+0.00", "-0.13", "-0.09", "inside inside inside"]
    assert rows(table)["DTD"][3:] == beside
    assert rows(table)["EuroSAT"][3:6] == ["92.90*", "73.90*", "82.32*"]
    assert any(note.startswith("* not verified") for note in table.notes)


def test_re_runs_are_beside_other_methods_too(tmp_path):
    """MMRL on EuroSAT: 80.17 in the paper; of five seeds 72.06 ± 1.76."""
    config = Method("MMRL", "").setting("base2new", "eurosat").file.stem
    base_new(tmp_path, "eurosat", 1, 95.0, 71.0, trainer="MMRL", config=config)
    found = rows(made(tmp_path)["Base-to-new, MMRL"])["EuroSAT"]
    assert found[-1] == "below inside below"
    assert found[3:6] == ["95.60", "80.17", "87.21"]


def test_few_shot(tmp_path):
    for dataset, values in {"one": (10.0, 20.0, 30.1), "two": (40.0, 50.0, 60.0)}.items():
        for seed, value in enumerate(values, 1):
            put(tmp_path, layout.all_classes(dataset, "IVLP", "c", 4, seed), value)
    put(tmp_path, layout.all_classes("one", "IVLP", "c", 16, 1), 70.0)
    put(tmp_path, "few_shot/" + layout.all_classes("two", "IVLP", "c", 16, 1), 71.0, TEST)
    table = made(tmp_path)["Few-shot, IVLP (c)"]
    assert table.header == ["Dataset", "4 shots", "16 shots"]
    assert rows(table)["one"] == ["20.03 ± 8.21", "70.00 (1/3 seeds)"]
    assert rows(table)["Average"] == ["35.02", "70.50"]


def test_transfers_and_their_source(tmp_path):
    config = Method("PromptSRC", "").setting("cross-dataset", "imagenet").file.stem
    put(tmp_path, layout.all_classes("imagenet", "PromptSRC", config, 16, 1), 71.3)
    for dataset, value in {"dtd": 46.0, "eurosat": 45.0, "imagenet_a": 50.0}.items():
        put(tmp_path, layout.transfer(dataset, "PromptSRC", config, 16, 1), value, TEST)
    found = made(tmp_path)
    assert list(found) == ["Cross-dataset", "Domain generalization"]  # the source is not few-shot
    header = found["Cross-dataset"].header
    ours, _, differences = found["Cross-dataset"].rows
    cross = dict(zip(header, ours, strict=True))
    assert (cross["Source: ImageNet"], cross["DTD"], cross["UCF101"]) == ("71.30", "46.00", "–")
    assert cross["Average"] == "45.50 (2 of 10 datasets)"
    difference = dict(zip(header, differences, strict=True))
    assert difference["Source: ImageNet"] == "+0.03"
    assert (difference["DTD"], difference["Average"]) == ("-0.87", "–")
    domains = rows(found["Domain generalization"])["PromptSRC"]
    assert domains == ["71.30", "–", "–", "50.00", "–", "50.00 (1 of 4 datasets)"]


@pytest.mark.parametrize(
    "trainer, knowledge",
    [
        ("MMRL", "decoupled"),
        ("ExtrasLinearProbeCoOp", "decoupled"),
        ("CoOp", "unified"),
        ("X", "–"),
    ],
)
def test_test_time_knowledge_without_results_json_is_the_trainers(tmp_path, trainer, knowledge):
    base_new(tmp_path, "one", 1, 80.0, 70.0, trainer=trainer, config="c")
    assert rows(made(tmp_path)["Base-to-new, averages"]) == {
        f"{trainer} (c)": [knowledge, "80.00", "70.00", "74.67", *"–––"]
    }


def test_without_eurosat_the_paper_has_the_average_of_its_other_ten(as_published):
    found = rows(made(as_published)["Base-to-new, averages"])["  without EuroSAT"]
    assert found == ["", "83.39", "76.19", "79.63", "83.39", "76.32", "79.70"]


def test_what_cannot_be_read_is_one_line_for_each_reason(tmp_path):
    for seed in (1, 2, 3):
        base_new(tmp_path, "one", seed, 80.0, 70.0)
        content = scores(np.random.default_rng(seed)) | {"version": min(seed, 2)}
        folder = layout.base2new("train_base", "one", "PromptSRC", TINY, 16, seed)
        put_scores(tmp_path, folder, content)
    results, folder = find(tmp_path), folder.removesuffix("3")
    assert unread(results) == [
        f"{folder}2/results.json is of version 2; this report reads version 1 (and 1 more)"
    ]
    found = made(tmp_path)
    assert rows(found[f"Base-to-new, PromptSRC ({TINY})"])["one"][0] == "80.00 ± 0.00"
    (row,) = found["Open world, averages"].rows  # of the seed that is left
    assert "±" not in row[1] and found[f"Open world, PromptSRC ({TINY})"].notes == [
        "One run each, seed 1"
    ]


def test_costs_of_few_shot_are_by_shots_and_of_transfers_with_their_source(tmp_path):
    rng, config = np.random.default_rng(5), "vit_b16_c2_ep20_batch4_4+4ctx_cross_datasets"
    contents = {}
    for k in (16, 2):
        place = layout.all_classes("one", "IVLP", "c", k, 1)
        put(tmp_path, place, 60.0)
        put_scores(tmp_path, place, contents.setdefault(k, scores(rng, ("all",))))
    source = layout.all_classes("imagenet", "PromptSRC", config, 16, 1)
    put(tmp_path, source, 71.0)
    put_scores(tmp_path, source, trained := scores(rng, ("all",), "H200"))
    target = layout.transfer("dtd", "PromptSRC", config, 16, 1)
    put(tmp_path, target, 46.0, TEST)
    tested = scores(rng, ("all",))
    tested["cost"] |= {"train_seconds": None, "train_peak_gib": None}
    tested["cost"]["parameters"] = trained["cost"]["parameters"]
    put_scores(tmp_path, target, tested)
    found = made(tmp_path)
    assert [row[:3] for row in found["Cost, few-shot"].rows] == [
        [
            f"IVLP (c), {k} shots",
            f"{contents[k]['cost']['parameters']:,}",
            f"{contents[k]['cost']['train_seconds']:.1f}",
        ]
        for k in (2, 16)
    ]
    costs = trained["cost"], tested["cost"]
    assert found["Cost, cross-dataset"].rows == [
        [
            "PromptSRC",
            f"{costs[0]['parameters']:,}",
            f"{costs[0]['train_seconds']:.1f}",
            f"{costs[0]['train_peak_gib']:.2f}",
            f"{(costs[0]['test_seconds'] + costs[1]['test_seconds']) / 2:.1f}",
            f"{max(cost['test_peak_gib'] for cost in costs):.2f}",
            "H200, cpu",
        ]
    ]
    assert "Cost, domain generalization" not in found and "Cost, base-to-new" not in found
