"""Tables against numbers worked out by hand, and what is said of what is missing."""

import csv
import re
from html.parser import HTMLParser

import pytest

import train
from report import formats, paper
from report.__main__ import main
from report.results import find
from report.tables import tables
from runs import layout
from runs.protocols import ELEVEN, Method

TINY = "vit_t8_c2_ep20_batch4_4+4ctx"
TRAINING = "Finish training\n=> result\n* accuracy: {}%\n"
TEST = "=> result\n* accuracy: {}%\n"


def put(output, folder, accuracy, log=TRAINING):
    (output / folder).mkdir(parents=True)
    (output / folder / "log.txt").write_text(log.format(accuracy))


def base_new(output, dataset, seed, base, new, trainer="PromptSRC", config=TINY):
    tail = (dataset, trainer, config, 16, seed)
    put(output, layout.base2new("train_base", *tail), base)
    put(output, layout.base2new("test_new", *tail), new, TEST)


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
        "Average": [
            "70.55",
            "60.65",
            "65.23",
        ],  # HM of 70.55 and 60.65; the mean of the HMs is 65.22
    }
    assert table.notes == ["Mean ± population standard deviation over seeds 1, 2, 3"]


def test_what_is_missing_is_said(tmp_path):
    base_new(tmp_path, "dtd", 1, 80.0, 70.0)
    base_new(tmp_path, "dtd", 2, 80.0, 70.0)
    base_new(tmp_path, "eurosat", 1, 60.0, 50.0)
    put(tmp_path, layout.base2new("train_base", "ucf101", "PromptSRC", TINY, 16, 1), 90.0)
    put(
        tmp_path,
        layout.base2new("train_base", "sun397", "PromptSRC", TINY, 16, 1),
        90.0,
        "epoch [1/20]",
    )
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
    text = main([str(tmp_path)]) or (tmp_path / "report" / "report.txt").read_text()
    assert f"no result: base2new/train_base/sun397/shots_16/PromptSRC/{TINY}/seed1" in text


@pytest.fixture
def as_published(tmp_path):
    """PromptSRC with the paper's own numbers, but 0.13 less on new classes."""
    for dataset in ELEVEN:
        config = Method("PromptSRC", "").setting("base2new", dataset).file.stem
        values = [
            paper.accuracies()["base2new", "PromptSRC", dataset, part][0]
            for part in ("base", "new")
        ]
        base_new(tmp_path, dataset, 1, values[0], f"{values[1] - 0.13:.2f}", config=config)
    return tmp_path


def test_beside_the_paper_with_the_difference_and_the_re_runs(as_published):
    table = made(as_published)["Base-to-new, PromptSRC"]
    average = rows(table)["Average"]
    assert average[:6] == ["84.26", "75.97", "79.90", "84.26", "76.10", "79.97"]
    assert average[6:] == ["+0.00", "-0.13", "-0.07", "inside inside inside"]
    assert rows(table)["DTD"][3:] == [
        "83.37",
        "62.97",
        "71.75",
        "+0.00",
        "-0.13",
        "-0.09",
        "– inside –",
    ]
    assert rows(table)["EuroSAT"][3:6] == ["92.90*", "73.90*", "82.32*"]
    assert any(note.startswith("* not verified") for note in table.notes)


def test_a_run_with_changed_settings_is_not_shown_as_published(as_published, in_root):
    folder = as_published / layout.base2new(
        "train_base", "dtd", "PromptSRC", "vit_b16_c2_ep20_batch4_4+4ctx", 16, 1
    )
    cfg = train.setup_config(
        train.parse_args(
            [
                "--config-file",
                str(Method("PromptSRC", "").setting("base2new", "dtd").file),
                "OPTIM.LR",
                "0.1",
            ]
        )
    )
    (folder / "config.yaml").write_text(cfg.dump())
    found = made(as_published)
    assert rows(found["Base-to-new, PromptSRC (OPTIM.LR 0.1)"])["DTD"] == ["83.37", "–", "–"]
    assert rows(found["Base-to-new, PromptSRC"])["DTD"][0] == "–"
    (folder / "config.yaml").write_text(cfg.dump().replace("LR: 0.1", "LR: 0.0025"))
    assert rows(made(as_published)["Base-to-new, PromptSRC"])["DTD"][0] == "83.37"


def test_the_spread_of_re_runs():
    assert paper.spread("average", "hm") == (78.87, 79.97)
    assert paper.spread("dtd", "new") == pytest.approx((56.11, 63.15))
    assert paper.spread("ucf101", "new") == pytest.approx((76.73, 80.87))
    assert paper.spread("dtd", "base") is None


def test_papers_averages_are_those_of_their_rows():
    numbers = paper.accuracies()
    for (benchmark, method, dataset, part), (value, _) in numbers.items():
        each = [numbers.get((benchmark, method, name, part)) for name in ELEVEN]
        each = [
            row
            for name, row in zip(ELEVEN, each, strict=True)
            if row and not (part == "target" and name == "imagenet")
        ]
        if dataset == "average" and part != "hm" and len(each) >= 10:
            assert sum(v for v, _ in each) / len(each) == pytest.approx(value, abs=0.011), (
                benchmark,
                method,
                part,
            )
    assert {status for _, status in numbers.values()} == {True, False}


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
    assert list(found) == [
        "Cross-dataset",
        "Domain generalization",
    ]  # the source is no few-shot result
    cross = dict(zip(found["Cross-dataset"].header, found["Cross-dataset"].rows[0], strict=True))
    assert (cross["Source: ImageNet"], cross["DTD"], cross["UCF101"]) == ("71.30", "46.00", "–")
    assert cross["Average"] == "45.50 (2 of 10 datasets)"
    difference = dict(
        zip(found["Cross-dataset"].header, found["Cross-dataset"].rows[2], strict=True)
    )
    assert (difference["DTD"], difference["Source: ImageNet"], difference["Average"]) == (
        "-0.87",
        "+0.03",
        "–",
    )
    domains = rows(found["Domain generalization"])["PromptSRC"]
    assert domains == ["71.30", "–", "–", "50.00", "–", "50.00 (1 of 4 datasets)"]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))


def test_every_format_has_the_numbers(as_published, capsys):
    assert main([str(as_published)]) == 0
    printed = capsys.readouterr().out
    folder = as_published / "report"
    for name in ("report.txt", "report.md", "report.tex", "tables.csv", "report.html"):
        content = (folder / name).read_text()
        assert all(number in content for number in ("75.97", "79.90", "76.10")), name
    assert (folder / "report.txt").read_text() in printed
    table = list(csv.DictReader((folder / "tables.csv").read_text().splitlines()))
    assert {
        "table": "Base-to-new, PromptSRC",
        "row": "Average",
        "column": "New",
        "value": "75.97",
    } in table
    assert len(list(csv.DictReader((folder / "runs.csv").read_text().splitlines()))) == 22
    tags = Tags()
    tags.feed((folder / "report.html").read_text())
    names = [tag for tag, _ in tags.seen]
    assert names.count("table") == 2 and names.count("svg") == 1
    assert not {"script", "img", "link"} & set(names)  # nothing is fetched


def test_the_page_is_the_same_each_time(as_published):
    main([str(as_published), "--to", str(as_published / "a")])
    main([str(as_published), "--to", str(as_published / "b")])
    pages = [(as_published / name / "report.html").read_bytes() for name in "ab"]
    assert pages[0] == pages[1]


def test_latex_and_markdown_are_escaped(tmp_path):
    base_new(tmp_path, "a_b", 1, 50.0, 40.0)
    table = tables(find(tmp_path))[1]
    assert r"a\_b & 50.00 & 40.00 & 44.44 \\" in formats.latex(table)
    assert "| a_b | 50.00 | 40.00 | 44.44 |" in formats.markdown(table)
    assert re.search(r"\\begin\{tabular\}\{lrrr\}", formats.latex(table))


def test_no_results_are_one_line(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path} has no results of finished runs")
