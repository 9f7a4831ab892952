"""Names of files and classes among the predictions."""

import csv
import io
import json
import logging
import os
import re
import sys
import warnings
from pathlib import Path

import pytest
import torch

from promptsrc.command import exit_code
from promptsrc.inference import printing
from promptsrc.inference.classifier import Class, Prediction
from promptsrc.inference.images import Preprocessing

FILES = [Path("a\x1b]0;mine\x07.png"), Path("b\n  99.9% cat.png"), Path("=c\t\rd.png")]
NAMES = ["=HYPERLINK(1)", "dog\x9b2J\n\x1b[31m", "+1"]


class Fixed:
    """A classifier that says the same of each image; the last one is unreadable."""

    preprocess = Preprocessing(8, read_as="shown")
    device = torch.device("cpu")

    def names(self, classnames):
        return NAMES

    def predictions(self, files, classnames, batch_size, unreadable, processes):
        for file in files[:-1]:
            yield Prediction(file, list(map(Class, NAMES, (0.5, 0.25, 0.25))))
        unreadable(OSError(f"image {files[-1]} can't be read"))


def printed(form, capsys):
    assert exit_code(lambda: printing.classify(Fixed(), [*FILES, FILES[0]], form=form)) == 1
    return capsys.readouterr()


def test_the_table_has_a_line_per_image(capsys):
    out, err = printed(None, capsys)
    shown = [r"a\x1b]0;mine\x07.png", r"b\n  99.9% cat.png", r"=c\t\rd.png"]
    classes = r" 50.0% =HYPERLINK(1)         25.0% dog\x9b2J\n\x1b[31m   25.0% +1"
    *rows, blank, summary = out.splitlines()
    assert rows == [f"{name:20}  {classes}" for name in shown] and blank == ""
    assert re.fullmatch(r"3 images in 0.\d s: 3 =HYPERLINK\(1\); 1 could not be read", summary)
    assert err == "skipped: image a\\x1b]0;mine\\x07.png can't be read\n"


def test_a_long_path_is_shown_by_its_end(capsys):
    paths = [Path("photos", "of" * 30, f"{i}.png") for i in (1, 2)]
    printing.print_table([Prediction(path, [Class("owl", 1.0)]) for path in paths], paths, ["owl"])
    rows = capsys.readouterr().out.splitlines()
    ends = [str(path)[-45:] for path in paths]
    assert rows == [f"...{end}  100.0% owl" for end in ends]
    assert [len(printing.shortened(path)) for path in paths] == [48, 48]


def test_the_summary_of_csv_and_json_is_not_among_them(capsys):
    for form in ("csv", "json"):
        out, err = printed(form, capsys)
        assert "images in" not in out and err.splitlines()[-1].startswith("3 images in ")


def test_warnings_of_libraries_are_not_among_the_results(capsys, caplog):
    class Odd(Fixed):
        def predictions(self, *arguments):
            warnings.warn("Corrupt EXIF data", stacklevel=1)
            logging.getLogger("PIL.TiffImagePlugin").error("More samples per pixel")
            yield from super().predictions(*arguments)

    printing.classify(Odd(), FILES, form="csv")
    assert "EXIF" not in capsys.readouterr().err and caplog.text == ""


def test_json_has_the_exact_names_and_no_control_characters(capsys):
    out = printed("json", capsys).out
    assert out.replace("\n", "").isprintable()
    found = json.loads(out)
    assert [one["image"] for one in found] == list(map(str, FILES))
    assert [one["name"] for one in found[0]["classes"]] == NAMES


def test_json_is_what_it_was_and_comes_image_by_image(capsys):
    one = Prediction(FILES[0], [Class("owl", 0.5)])
    printing.print_json([])
    assert capsys.readouterr().out == "[]\n"
    printing.print_json([one, one])
    whole = {"image": str(FILES[0]), "classes": [{"name": "owl", "probability": 0.5}]}
    assert capsys.readouterr().out == json.dumps([whole, whole], indent=1) + "\n"

    def broken():
        yield one
        shown = capsys.readouterr().out
        assert json.loads(shown + "]") == [whole]
        raise OSError

    with pytest.raises(OSError):
        printing.print_json(broken())


def test_csv_has_the_exact_names_but_formulas(capsys):
    out = printed("csv", capsys).out
    header, *rows = csv.reader(io.StringIO(out, newline=""))
    assert header == ["image", "class", "probability"] and len(rows) == 9
    files = [*map(str, FILES[:2]), os.path.join(".", FILES[2])]
    assert [row[0] for row in rows[::3]] == files  # which are the same files
    assert [row[1:] for row in rows[:3]] == [
        ["'=HYPERLINK(1)", "0.5"],
        [NAMES[1], "0.25"],
        ["+1", "0.25"],
    ]


def test_csv_on_a_terminal_is_printable(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal(newline=""))
    printed("csv", capsys)
    assert not {"\x1b", "\x9b", "\r", "\x07"} & set(sys.stdout.getvalue())
    assert r"a\x1b]0;mine\x07.png,'=HYPERLINK(1),0.5" in sys.stdout.getvalue()
