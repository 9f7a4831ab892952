"""Tables against values worked out by hand, and what they say of missing results."""

from report.results import find
from report.tables import tables, unfinished
from runs import layout
from runs.protocols import Method
from tests.report.made import TEST, TINY, base_new, put


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
    beside = ["83.37", "62.97", "71.75", "+0.00", "-0.13", "-0.09", "– inside –"]
    assert rows(table)["DTD"][3:] == beside
    assert rows(table)["EuroSAT"][3:6] == ["92.90*", "73.90*", "82.32*"]
    assert any(note.startswith("* not verified") for note in table.notes)


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
