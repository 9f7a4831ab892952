"""What it says of one's own images: counts, and all that would stop a training, at once."""

import re

import pytest
from PIL import Image

from datasets.check.__main__ import main
from tests.datasets.roots import load, make_images

CLASSES = ("ape", "bat")


@pytest.fixture
def one(tmp_path):
    make_images(tmp_path, *(f"{name}/{i}.png" for name in CLASSES for i in range(5)))
    return different(tmp_path)


@pytest.fixture
def parts(tmp_path):
    counts = {"train": 4, "val": 1, "test": 2}
    make_images(
        tmp_path,
        *(f"{p}/{name}/{i}.png" for p, n in counts.items() for name in CLASSES for i in range(n)),
    )
    return different(tmp_path)


@pytest.fixture
def table(one):
    rows = [f"{c}\\{i}.png;{c};{'train' if i < 3 else 'test'}\n" for c in CLASSES for i in range(5)]
    (one / "images.csv").write_text("File;Label;Split\n" + "".join(rows))
    return one


def different(root):
    """The root, no two images of which are the same."""
    for shade, file in enumerate(sorted(root.rglob("*.png"))):
        Image.new("RGB", (2, 2), (shade, 0, 0)).save(file)
    return root


def said(capsys, root, *names):
    """Exit code, lines, and counts per class."""
    code = main([str(root), *names])
    out = capsys.readouterr().out
    counts = {
        words[0]: [int(n) for n in words[1:]]
        for words in map(str.split, out.splitlines())
        if len(words) > 1 and all(map(str.isdecimal, words[1:]))
    }
    return code, [line.strip(" -") for line in out.splitlines()], counts


@pytest.mark.parametrize("names", [(), ("ImageFolder",)])
def test_one_folder(one, capsys, names):
    before = sorted(one.rglob("*"))
    code, lines, counts = said(capsys, one, *names)
    assert code == 0 and re.match(r"ImageFolder +ready +10 images, 2 classes in ", lines[0])
    assert counts == {"ape": [5], "bat": [5], "(all)": [10]}
    assert sorted(one.rglob("*")) == before


@pytest.mark.parametrize("renamed", [{}, {"train": "Training", "val": "valid", "test": "Testing"}])
def test_parts(parts, capsys, renamed):
    for old, new in renamed.items():
        (parts / old).rename(parts / new)
    code, lines, counts = said(capsys, parts)
    assert code == 0 and "ready      14 images, 2 classes" in lines[0]
    assert counts == {"ape": [4, 1, 2], "bat": [4, 1, 2], "(all)": [8, 2, 4]}
    assert any(re.fullmatch(r"class +train +val +test", line) for line in lines)


@pytest.mark.parametrize("names", [(), ("CSV",)])
@pytest.mark.parametrize("file", ["images.csv", "other.csv", "mine.tsv"])
def test_a_table(table, capsys, names, file):
    (table / "images.csv").rename(table / file)
    if not names and file != "images.csv":
        code, lines, _ = said(capsys, table)
        assert code == 0 and lines[0].startswith("ImageFolder")  # its class folders come first
        return
    code, lines, counts = said(capsys, table, *names)
    assert code == 0 and re.match(rf"CSV +ready +10 images, 2 classes in .*{file}", lines[0])
    assert counts == {"ape": [3, 2], "bat": [3, 2], "(all)": [6, 4]}


def test_all_problems_of_folders_at_once(parts, capsys):
    make_images(parts, "train/Ape/0.png", "test/cow/0.png", "train/0.png")
    different(parts)
    for name in ("train/ape/0.png", "val/bat/0.png", "test/bat/1.png"):
        (parts / name).write_bytes(b"?")
    (parts / "train" / "cat").mkdir()
    (parts / "train" / "cat" / "1.heic").touch()
    (parts / "test" / "bat" / "0.png").write_bytes((parts / "train/bat/0.png").read_bytes())
    code, lines, _ = said(capsys, parts)
    assert code == 1 and "NOT READY" in lines[0] and "6 to mend" in lines[0]
    text = "\n".join(lines)
    for found in (
        "train/ape/0.png can't be read",
        "val/bat/0.png can't be read",
        "test/bat/1.png can't be read",
        "train/cat has no images (",
        "test/cow is not a class of the training",
        "'Ape' and 'ape' have the class names",
        "1 outside the class folders",
        ".heic",
        "test/bat/0.png",  # a copy
    ):
        assert found in text, found


def test_all_problems_of_a_table_at_once(table, capsys):
    (table / "ape" / "0.png").write_bytes(b"")
    with (table / "images.csv").open("a") as file:
        file.write("ape/9.png;ape;test\nape/1.png;bat;test\nape/2.png;ape;holdout\n;ape;test\n")
    code, lines, _ = said(capsys, table)
    assert code == 1 and "5 to mend" in lines[0]
    text = "\n".join(lines)
    for found in (
        "ape/0.png can't be read",
        "line 12: no image at",
        "line 13 has ape/1.png as 'bat', but line 3 as 'ape'",
        "line 14 is 'ape/2.png,ape,holdout'",
        "line 15 is 'ape,test'",
    ):
        assert found in text, found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("path,kind\n", "has no column class"),
        ("path,class,split\n", "no line with split train"),
        ("path,class\nape/0.png,ape\nbat/0.png,bat\nbat/1.png,bat\n", "without test images: ape"),
        (
            "path,class,split\nape/0.png,ape,train\nape/1.png,ape,test\nbat/0.png,bat,test\n",
            "line 4: class 'bat' has no line with split train",
        ),
    ],
)
def test_a_table_that_is_not_complete(one, capsys, text, found):
    (one / "images.csv").write_text(text)
    assert found in "\n".join(said(capsys, one)[1])


def test_a_table_without_parts_is_ready(one, capsys):
    rows = [f"{name}/{i}.png,{name}\n" for name in CLASSES for i in range(5)]
    (one / "images.csv").write_text("Image,Category\n" + "".join(rows))
    code, lines, _ = said(capsys, one)
    assert code == 0 and lines[0].startswith("CSV                  ready      10 images")


def test_no_table(tmp_path, capsys):
    assert main(["--root", str(tmp_path), "CSV"]) == 1
    assert "no table" in capsys.readouterr().out


def test_no_classes(tmp_path, capsys):
    make_images(tmp_path, "0.png")
    code, lines, _ = said(capsys, tmp_path, "ImageFolder")
    assert code == 1 and "has 1 image, but no class folders; put the images of each" in lines[1]
    assert lines[2] == "passed over 1 outside the class folders"


def test_a_folder_above_the_class_folders(tmp_path, capsys):
    make_images(tmp_path, "photos/ape/0.png", "photos/bat/0.png")
    code, lines, _ = said(capsys, tmp_path)
    assert (
        code == 1
        and f"holds only photos/; if its folders are the classes, give {tmp_path}" in (lines[1])
    )


def test_without_a_test_part_val_is_tested_on_or_nothing(parts, capsys):
    (parts / "test").rename(parts / "other")
    code, lines, counts = said(capsys, parts)
    assert code == 0 and f"{parts} has no test/; val/ is tested on" in lines
    assert counts["(all)"] == [8, 2] and "passed over 1 folder other/" in lines
    (parts / "val").rename(parts / "another")
    code, lines, counts = said(capsys, parts)
    assert code == 0 and any("so nothing is tested" in line for line in lines)
    assert counts["(all)"] == [8]


def test_no_part_for_training(parts, capsys):
    (parts / "train").rename(parts / "valid")
    code, lines, _ = said(capsys, parts)
    assert code == 1 and f"{parts} has both val/ and valid/; join them" in lines
    (parts / "val").rename(parts / "Testing")
    (parts / "test").rename(parts / "other")
    code, lines, _ = said(capsys, parts)
    assert code == 1 and "has valid/, Testing/ but no train/; make it" in lines[1]


def test_folders_besides_the_parts_and_names_that_are_not_unicode(parts, capsys):
    make_images(parts, "spare/ape/0.png", "train/caf\udce9/0.png")
    code, lines, _ = said(capsys, parts)
    assert code == 1 and "passed over 1 folder spare/" in lines
    assert any("is not Unicode; rename it" in line for line in lines)


def test_looks_are_counted(one, capsys):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 2), "red").save(one / "ape" / "turned.jpg", exif=exif)
    Image.new("I;16", (2, 2), 60_000).save(one / "ape" / "wide.png")
    code, lines, _ = said(capsys, one)
    assert code == 0 and "ready, but" in lines[0]
    assert "1 images are turned by an EXIF orientation" in lines
    assert "1 images have more than 8 bits per channel" in lines


def test_a_too_large_image_is_named(one, capsys):
    Image.new("1", (20_000, 9_450)).save(one / "ape" / "huge.png")
    code, lines, _ = said(capsys, one)
    assert code == 1 and "1 to mend" in lines[0]
    assert re.match(r"image .*ape/huge.png can't be read .it has more than [\d,]+ pixels", lines[1])


def test_classes_that_published_datasets_are_called_after(tmp_path, capsys):
    make_images(tmp_path, "cars/0.png", "pets/0.png")
    assert said(capsys, different(tmp_path))[2] == {"cars": [1], "pets": [1], "(all)": [2]}


@pytest.mark.parametrize(
    "folder", ["oxford_pets/images", "oxford-iiit-pet/images", "UCF-101/Biking"]
)
def test_a_root_of_published_datasets(tmp_path, capsys, folder):
    make_images(tmp_path / folder, "0.png")
    code, lines, _ = said(capsys, tmp_path)
    assert code == 1 and lines[0].startswith("OxfordPets")


@pytest.mark.parametrize(
    ("name", "keys"), [("ImageFolder", {"SPLIT": (0.6, 0.0, 0.4)}), ("CSV", {})]
)
def test_what_is_ready_loads(table, name, keys):
    assert main(["--root", str(table), name]) == 0
    assert load(name, table, **keys).classnames == ["ape", "bat"]


@pytest.mark.parametrize("words", [(), ("CSV",)])
def test_a_table_by_its_path(table, capsys, words):
    (table / "images.csv").rename(table / "mine.csv")
    code, lines, counts = said(capsys, table / "mine.csv", *words)
    assert code == 0 and re.match(r"CSV +ready +10 images, 2 classes in .*mine.csv", lines[0])
    assert counts["(all)"] == [6, 4]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("0.png", "1.png"), "has 2 images, but no class folders; put the images of each class"),
        (("ape/0.heic", "bat/1.nef"), "passed over 1 .nef (convert to .jpg)"),
        (("ape/0.png",), "has one class folder, ape/; a classifier needs two or more"),
        (("ape/0.png", "a.csv", "b.csv"), "a.csv, line 1 has no column path, class"),
    ],
)
def test_photos_that_are_no_classes_yet_are_not_taken_for_published_datasets(
    tmp_path, capsys, names, found
):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    code, lines, _ = said(capsys, tmp_path)
    assert code == 1 and found in "\n".join(lines)
    assert not any("published" in line for line in lines)


def test_an_empty_folder_may_become_that_of_the_published_datasets(tmp_path, capsys):
    assert said(capsys, tmp_path)[1][0].startswith("OxfordPets")
