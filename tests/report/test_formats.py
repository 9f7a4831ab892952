"""Every format has the same values, and escapes what it has to."""

import csv

from report import formats
from report.results import find
from report.tables import Table, tables
from runs import layout
from tests.report.made import Page, base_new, put


def test_text_is_aligned():
    table = Table("Title", ["Dataset", "Base"], [["a", "80.00"], ["  paper", "9.00"]], ["note"])
    assert formats.text(table) == (
        "Title\n--------------\nDataset   Base\n--------------\n"
        "a        80.00\n  paper   9.00\n--------------\nnote\n"
    )


def test_latex_and_markdown_are_escaped():
    table = Table("T", ["Dataset", "Δ"], [["a_b", "1.0 ± 2%"], ["  paper", "–*"]], ["* note"])
    assert formats.latex(table).splitlines()[2:] == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Dataset & $\Delta$ \\",
        r"\midrule",
        r"a\_b & 1.0 $\pm$ 2\% \\",
        r"\quad paper & --$^*$ \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    assert "| a_b | 1.0 ± 2% |\n|   paper | –\\* |\n\n\\* note\n" in formats.markdown(table)


def test_csv_of_tables_names_whose_row_it_is():
    table = Table("T", ["Dataset", "16 shots"], [["DTD", "70.00"], ["  paper", "71.00"]])
    rows = list(csv.reader(formats.csv_of_tables([table]).splitlines()))
    assert rows == [
        ["table", "row", "column", "value"],
        ["T", "DTD", "16 shots", "70.00"],
        ["T", "DTD, paper", "16 shots", "71.00"],
    ]


def test_csv_of_runs_has_unfinished_ones(tmp_path):
    place = layout.all_classes("dtd", "CoOp", "c", 4, 2, "nctx16_cscFalse_ctpend")
    put(tmp_path, place, 0, "epoch [1/20]")
    (row,) = csv.DictReader(formats.csv_of_runs(find(tmp_path)).splitlines())
    assert row == {
        "kind": "all_classes",
        "trainer": "CoOp",
        "config": "c",
        "variant": "nctx16_cscFalse_ctpend",
        "dataset": "dtd",
        "shots": "4",
        "seed": "2",
        "accuracy": "",
        "folder": place,
    }


def test_the_page_escapes_names_and_marks_rows(tmp_path):
    hostile = '<b>&"x'
    base_new(tmp_path, hostile, 1, 50.0, 40.0, trainer="<i>Mine")
    results = find(tmp_path)
    content = formats.html(results, tables(results), ["<script>alert(1)</script>"])
    page = Page(content)
    assert not {"b", "script", "link", "img"} & set(page.tags)
    assert hostile in page.text and "<script>alert(1)</script>" in page.text
    assert content.count("<i>") == 1  # of the legend, not of the method's name
    assert '<tr class="total"><td>Average</td><td>50.00</td>' in content
    assert "2 finished runs" in content
