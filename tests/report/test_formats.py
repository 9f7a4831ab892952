"""Every format has the same values, and escapes what it has to."""

import csv
import io
import re

import pytest

from promptsrc.escape import printable
from report import formats
from report.results import find
from report.table import Table
from report.tables import tables
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
    for trainer in ("<i>Mine", "<i>Yours"):  # one alone has no legend
        base_new(tmp_path, hostile, 1, 50.0, 40.0, trainer=trainer)
    begun = "base2new/test_new/<script>alert(1)<script>/shots_16/CoOp/c/seed2"
    put(tmp_path, begun, 0, "begun")
    results = find(tmp_path)
    content = formats.html(results, tables(results))
    page = Page(content)
    assert not {"b", "script", "link", "img"} & set(page.tags)
    assert hostile in page.text and begun in page.text
    assert content.count("<i>") == 2  # of the legend, not of the methods' names
    assert '<tr class="total"><td>Average</td><td>50.00</td>' in content
    assert "4 finished runs" in content


HOSTILE = [
    "cats&dogs",
    r"\input{x} 50% #1 $a_b$ ~^",
    "[3cm] a|b",
    "a\n\\end{tabular}\n| c |\n# d",
    "<script>alert(1)<script>&lt;",
    "=HYPERLINK(1)",
    "\x1b]0;mine\x07\x9b2J",
]


@pytest.fixture(params=HOSTILE)
def named(request, tmp_path):
    """Results of a dataset and of a method with this name; and the name."""
    base_new(tmp_path, request.param, 1, 50.0, 40.0, trainer=f"{request.param} Mine")
    put(tmp_path, f"base2new/test_new/{request.param}/shots_16/CoOp/c/seed2", 0, "begun")
    put(tmp_path, layout.all_classes(request.param, request.param, "c", 4, 1), 60.0)
    return find(tmp_path), request.param


def test_a_name_is_one_cell_of_latex(named):
    results, _ = named
    for table in tables(results):
        lines = formats.latex(table).splitlines()
        rows = [line for line in lines if not line.startswith(("%", r"\begin", r"\end"))]
        rows = [row for row in rows if not re.fullmatch(r"\\(top|mid|bottom)rule", row)]
        assert len(rows) == 1 + len(table.rows)
        for row in rows:
            assert len(re.findall(r"(?<!\\)&", row)) == len(table.header) - 1
            text = re.sub(r"\\text[a-z]+\{\}|\\[&%$#_{}]|\{[][]\}|\$(\\pm|\\Delta|\^\*)\$", "", row)
            assert re.fullmatch(r"[^\\%$#_{}^~\[\]]+\\\\", text), row


def test_a_name_is_one_cell_of_markdown(named):
    results, _ = named
    for table in tables(results):
        title, rows, *notes = formats.markdown(table).rstrip().split("\n\n")
        assert re.match("### (Base-to-new|Few-shot), ", title) and "\n" not in title
        assert len(rows.splitlines()) == 2 + len(table.rows)
        for row in rows.splitlines():
            assert len(re.findall(r"(?<!\\)\|", row)) == len(table.header) + 1
        assert len(notes) == len(table.notes)
        assert not {"<", "\x1b", "\x9b"} & set(formats.markdown(table))


def test_a_name_is_one_line_of_text(named):
    results, _ = named
    for table in tables(results):
        lines = formats.text(table).split("\n")
        assert len(lines) == 1 + 5 + len(table.rows) + len(table.notes)
        assert len({len(line) for line in lines if line.startswith("---")}) == 1
        assert "".join(lines).isprintable()


def test_a_name_is_one_cell_of_csv(named):
    results, name = named
    name = f"'{name}" if name.startswith("=") else name
    made = tables(results)
    rows = list(csv.reader(io.StringIO(formats.csv_of_tables(made), newline="")))
    assert {len(row) for row in rows} == {4}
    assert [name, "Base", "50.00"] in [row[1:] for row in rows]
    runs = list(csv.DictReader(io.StringIO(formats.csv_of_runs(results), newline="")))
    assert {run["dataset"] for run in runs} == {name}
    assert {run["trainer"] for run in runs} == {f"{name} Mine", "CoOp", name}


def test_a_name_is_text_of_the_page(named):
    results, name = named
    content = formats.html(results, tables(results))
    page = Page(content)
    assert not {"script", "b", "img", "link"} & set(page.tags)
    assert page.text.count(printable(name, "\n")) == 3  # a figure and two rows
    begun = f"base2new/test_new/{printable(name, chr(10))}/shots_16/CoOp/c/seed2"
    assert begun in page.text


def test_changed_settings_are_cells(tmp_path):
    """Their values are of a run's config.yaml."""
    table = Table("T", ["Method"], [["CoOp (TRAINER.COOP.CTX_INIT a|b_\n&<i>\x1b)"]])
    assert r"COOP.CTX\_INIT a\textbar{}b\_\textbackslash{}n\&" in formats.latex(table)
    assert r"| CoOp (TRAINER.COOP.CTX_INIT a\|b\_\\n&amp;&lt;i&gt;\\x1b) |" in formats.markdown(
        table
    )
    assert r"CoOp (TRAINER.COOP.CTX_INIT a|b_\n&<i>\x1b)" in formats.text(table)


def test_blanks_before_a_dataset_do_not_make_it_part_of_another(tmp_path):
    base_new(tmp_path, "  cats", 1, 50.0, 40.0)
    rows = list(csv.reader(formats.csv_of_tables(tables(find(tmp_path))).splitlines()))
    assert ["cats", "Base", "50.00"] in [row[1:] for row in rows]
