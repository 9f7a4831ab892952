"""Tables as Excel, pandas and people write them; what is wrong with one is said of its line."""

import re

import pytest

from datasets.table import Row, read
from tests.datasets.roots import items, load, make_images

WANTED = [Row(2, "a/1.png", "great ape", "train"), Row(3, "a/2.png", "bât", "test")]
PLAIN = "path,class,split\na/1.png,great ape,train\na/2.png,bât,test\n"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "images.csv"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.replace(",", "\t").encode("utf-16"),  # Excel's "Unicode text"
        PLAIN.replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig"),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace(",", " , ").encode(),
        PLAIN.replace("\n", ",,\n").encode(),  # empty columns of a sheet
        (PLAIN + ",,\n\n").encode(),  # and empty rows
        PLAIN.replace("path,class,split", "File Name,LABEL,Subset").encode(),
        PLAIN.replace("path,class,split", "image,Category,SPLIT").encode(),
        PLAIN.replace("train", "Training").replace("test\n", "TESTING\n").encode(),
        PLAIN.replace("great ape", '"great ape"').encode(),
    ],
)
def test_a_table_as_people_save_it(file, content):
    file.write_bytes(content)
    table = read(file)
    assert (table.rows, table.problems, table.notes) == (WANTED, [], [])


def test_excels_first_line_states_the_separator(file):
    file.write_text("sep=;\n" + PLAIN.replace(",", ";"))
    assert [row.line for row in read(file).rows] == [3, 4]


@pytest.mark.parametrize("word", ["val", "valid", "validation", "dev", "Dev"])
def test_words_for_validation(file, word):
    file.write_text(f"path,class,split\na.png,ape,{word}\n")
    assert read(file).rows == [Row(2, "a.png", "ape", "val")]


@pytest.mark.parametrize(
    "path", ["a\u2028b.png", "a\nb.png", "a\r\nb.png", "a\x85b.png", "a, b.png"]
)
def test_a_cell_is_whole(file, path):
    file.write_bytes(f'path,class,split\n"{path}",ape,train\nb.png,bat,test\n'.encode())
    assert [row.path for row in read(file).rows] == [path, "b.png"]
    assert not read(file).problems


def test_the_columns_that_are_there_are_named(file):
    file.write_text("path|class|split\na.png|ape|train\n")
    message = "line 1 has no column path, class; it needs path,class and has path|class|split"
    with pytest.raises(ValueError, match=re.escape(message)):
        read(file)


def test_another_encoding_is_named(file):
    file.write_bytes(PLAIN.encode("cp1252"))
    with pytest.raises(
        ValueError, match="not UTF-8 text .line 3 in .*cp1252. is 'a/2.png,bât,test"
    ):
        read(file)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("a.png,cat|dog,train", "line 2 has the labels 'cat|dog'; give one line and one class"),
        ("a.png,cat;dog,train", "line 2 has the labels 'cat;dog'"),
        ("a.png,\"['cat', 'dog']\",train", "line 2 has the labels"),
        ('a.png,"cat, dog",train\nb.png,cat,train\nc.png,dog,test', "line 2 has the labels"),
        ("a.png,cat + dog,train\nb.png,cat,train\nc.png,dog,test", "line 2 has the labels"),
        ("a.png,cat/dog,train\nb.png,cat,train\nc.png,dog,test", "line 2 has the labels"),
        (
            "a.png,cat,train\n./a.png,dog,train",
            "line 3 has ./a.png as 'dog', but line 2 as 'cat'; give one line and one class",
        ),
        ("x/a.png,cat,train\nx\\a.png,dog,train", "line 3 has x\\a.png as 'dog'"),
        ("a.png,cat,dog,train", "line 2 has more cells than line 1; put quotes around"),
        ("a.png,cat", "line 2 is 'a.png,cat'; it needs a path, a class name and train, val or"),
    ],
)
def test_several_labels_and_other_problems(file, lines, problem):
    file.write_text(f"path,class,split\n{lines}\n")
    (found,) = read(file).problems
    assert found.startswith(problem)
    assert ("multi-label data is not supported" in found) == ("one class" in found)


def test_all_problems_are_counted(tmp_path):
    make_images(tmp_path, "a.png")
    lines = ["a.png,cat|dog,train", "a.png,cat,holdout", "a.png,,test"]
    (tmp_path / "images.csv").write_text("\n".join(["path,class,split", *lines]))
    with pytest.raises(
        ValueError, match="images.csv, line 3 is .*; 2 more: .*datasets.check /.*images.csv"
    ):
        load("CSV", tmp_path)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("width,path,class,xmin\n1,a.png,ape,2\n", "columns that are not read: width, xmin"),
        ("path,class\n" + 3 * "a.png,ape\n", "2 lines repeat an earlier one; their images"),
        ("path,label,class\na.png,0,ape\n", "columns that are not read: label"),
        ("path,label\na.png,0\nb.png,1\n", "the class names are numbers, such as '0', and CLIP"),
        (
            'path,class\na.png,"ape, small"\n',
            "a name with a comma, plus or slash, such as 'ape, small', is one",
        ),
        (
            "path,class\na.png,bird+fruit\n",
            "a name with a comma, plus or slash, such as 'bird+fruit', is one",
        ),
    ],
)
def test_what_may_not_be_meant_is_said(file, text, note):
    file.write_text(text)
    assert read(file).notes[0].startswith(note)
    assert not read(file).problems


def test_notes_are_printed(tmp_path, capsys):
    make_images(tmp_path, "a.png", "b.png")
    (tmp_path / "images.csv").write_text(
        "path,class,split,n\na.png,ape,train,1\nb.png,ape,test,2\n"
    )
    load("CSV", tmp_path)
    assert f"{tmp_path}/images.csv: columns that are not read: n" in capsys.readouterr().out


def test_backslashes_are_folders_on_every_system(tmp_path):
    make_images(tmp_path, "a/b/1.png", "a/2.png")
    (tmp_path / "images.csv").write_text(
        "path,class,split\na\\b\\1.png,ape,train\n.\\a\\2.png,ape,test\n"
    )
    data = load("CSV", tmp_path)
    assert (items(data.train_x), items(data.test)) == ([("1.png", 0, "ape")], [("2.png", 0, "ape")])


def test_without_a_column_for_parts_shares_are_drawn(tmp_path):
    files = [f"{name}/{i}.png" for name in ("ape", "bat") for i in range(10)]
    make_images(tmp_path, *files)
    rows = "".join(f"{file},{file[:3]}\n" for file in files)
    (tmp_path / "images.csv").write_text("file,label\n" + rows)
    data = load("CSV", tmp_path, SPLIT=(0.6, 0.0, 0.4))
    assert (len(data.train_x), data.val, len(data.test)) == (10, None, 10)
    assert items(load("CSV", tmp_path, seed=5, SPLIT=(0.6, 0.0, 0.4)).test) == items(data.test)
    for shares in ((0.5, 0.5), (0.9, 0.9, 0.1)):
        with pytest.raises(ValueError, match=re.escape(f"DATASET.SPLIT is {shares}; give shares")):
            load("CSV", tmp_path, SPLIT=shares)
