"""Domain datasets on made folders; items, labels and domains are those of Dassl.pytorch 0.6.3."""

from collections import Counter

import pytest
from dassl.config import get_cfg_default
from dassl.data.datasets import build_dataset
from dassl.data.datasets.dg.digits_dg import DigitsDG
from dassl.utils import mkdir_if_missing


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def build(root, name, sources, targets):
    cfg = get_cfg_default()
    cfg.VERBOSE, cfg.DATASET.NAME, cfg.DATASET.ROOT = False, name, str(root)
    cfg.DATASET.SOURCE_DOMAINS, cfg.DATASET.TARGET_DOMAINS = sources, targets
    return build_dataset(cfg)


def seen(root, items):
    """`path label domain classname` of each."""
    return [
        f"{item.impath.removeprefix(f'{root}/')} {item.label} {item.domain} {item.classname}"
        for item in items or ()
    ]


def class_folders(folder, names=("Pen", "Zoo", "back_pack"), files=("b.jpg", "a.png", ".c.jpg")):
    for name in names:
        for file in files:
            touch(folder / name / file)


@pytest.mark.parametrize(
    "name, folder, domains, classnames",
    [
        ("Office31", "office31", ["amazon", "webcam", "dslr"], ["Pen", "Zoo", "back_pack"]),
        ("OfficeHome", "office_home", ["art", "clipart", "product"], ["pen", "zoo", "back_pack"]),
    ],
)
def test_domain_adaptation(tmp_path, name, folder, domains, classnames):
    for domain in domains:
        class_folders(tmp_path / folder / domain)
        touch(tmp_path / folder / domain / "notes.txt")
    dataset = build(tmp_path, name, domains[1:], domains[:1])
    assert seen(tmp_path, dataset.train_x)[4:8] == [
        f"{folder}/{domains[1]}/back_pack/a.png 2 0 back_pack",
        f"{folder}/{domains[1]}/back_pack/b.jpg 2 0 back_pack",
        f"{folder}/{domains[2]}/Pen/a.png 0 1 {classnames[0]}",
        f"{folder}/{domains[2]}/Pen/b.jpg 0 1 {classnames[0]}",
    ]
    assert (len(dataset.train_x), len(dataset.train_u), dataset.val) == (12, 6, None)
    assert seen(tmp_path, dataset.train_u) == seen(tmp_path, dataset.test)
    assert {item.domain for item in dataset.test} == {0}
    assert dataset.classnames == classnames


def test_visda(tmp_path):
    for part in ("train", "validation"):
        folder = tmp_path / "visda17" / part
        class_folders(folder, ("plane", "Bus"), ("2.png", "1.png"))
        lines = "plane/2.png 0\nplane/1.png 0\nBus/2.png 1\n\n"
        (folder / "image_list.txt").write_text(lines)
    dataset = build(tmp_path, "VisDA17", ["synthetic"], ["real"])
    assert seen(tmp_path, dataset.train_x) == [
        "visda17/train/plane/2.png 0 0 plane",
        "visda17/train/plane/1.png 0 0 plane",
        "visda17/train/Bus/2.png 1 0 Bus",
    ]
    targets = seen(tmp_path, dataset.train_u)
    assert targets == seen(tmp_path, dataset.test) and "validation/Bus/2.png 1" in targets[2]
    with pytest.raises(ValueError, match="goes from synthetic to real"):  # they train on synthetic
        build(tmp_path, "VisDA17", ["real"], ["synthetic"])


def test_pacs(tmp_path):
    for domain in ("photo", "sketch", "cartoon"):
        for part in ("train", "crossval", "test"):
            paths = [f"{domain}/{kind}/{part}{i}.png" for kind in ("dog", "guitar") for i in (2, 1)]
            for path in paths:
                touch(tmp_path / "pacs/images" / path)
            lines = [f"{path} {1 + ('guitar' in path)}" for path in paths]
            lines += ["sketch/dog/n02103406_4068-1.png 1"] * (domain == "sketch")  # damaged
            file = tmp_path / f"pacs/splits/{domain}_{part}_kfold.txt"
            mkdir_if_missing(file.parent)
            file.write_text("\n".join(lines) + "\n")
    dataset = build(tmp_path, "PACS", ["sketch", "photo"], ["photo", "cartoon"])
    assert seen(tmp_path, dataset.train_x)[3:5] == [
        "pacs/images/sketch/guitar/train1.png 1 0 guitar",
        "pacs/images/photo/dog/train2.png 0 1 dog",
    ]
    assert seen(tmp_path, dataset.val)[0] == "pacs/images/sketch/dog/crossval2.png 0 0 dog"
    tested = [(path.split("/")[2], path.split("/")[4][:5]) for path in seen(tmp_path, dataset.test)]
    assert tested == [
        (domain, part)
        for domain in ("photo", "cartoon")
        for part in ("train", "cross")
        for _ in range(4)
    ]
    assert (len(dataset.train_x), dataset.train_u, len(dataset.val)) == (8, None, 8)
    assert dataset.classnames == ["dog", "guitar"]


def test_vlcs(tmp_path):
    for domain in ("CALTECH", "SUN", "PASCAL"):
        for part in ("train", "crossval", "test", "full"):
            class_folders(tmp_path / "VLCS" / domain / part, ("0", "10", "2"))
    dataset = build(tmp_path, "VLCS", ["caltech", "sun"], ["pascal"])
    assert seen(tmp_path, dataset.train_x)[1:4] == [
        "VLCS/CALTECH/train/10/b.jpg 1 0 ",  # png files are not taken, names sorted as texts
        "VLCS/CALTECH/train/2/b.jpg 2 0 ",
        "VLCS/SUN/train/0/b.jpg 0 1 ",
    ]
    assert seen(tmp_path, dataset.val)[0] == "VLCS/CALTECH/crossval/0/b.jpg 0 0 "
    assert seen(tmp_path, dataset.test)[0] == "VLCS/PASCAL/test/0/b.jpg 0 0 "
    assert (len(dataset.train_x), len(dataset.val), len(dataset.test)) == (6, 6, 3)


@pytest.mark.parametrize(
    "name, folder, domains",
    [
        ("DigitsDG", "digits_dg", ["svhn", "mnist", "syn"]),
        ("OfficeHomeDG", "office_home_dg", ["product", "art", "clipart"]),
    ],
)
def test_domain_generalisation_in_two_parts(tmp_path, name, folder, domains):
    for domain in domains:
        for part in ("train", "val"):
            class_folders(tmp_path / folder / domain / part, ("Zero", "one"))
    dataset = build(tmp_path, name, domains[:2], domains[2:])
    assert seen(tmp_path, dataset.train_x)[1:3] == [
        f"{folder}/{domains[0]}/train/one/b.jpg 1 0 one",
        f"{folder}/{domains[1]}/train/Zero/b.jpg 0 1 zero",
    ]
    assert seen(tmp_path, dataset.val)[0] == f"{folder}/{domains[0]}/val/Zero/b.jpg 0 0 zero"
    tested = [path.split("/")[2] for path in seen(tmp_path, dataset.test)]
    assert tested == ["train", "train", "val", "val"] and dataset.train_u is None


def test_read_data_as_plug_ins_call_it(tmp_path):
    for part in ("train", "val"):
        class_folders(tmp_path / "syn" / part, ("0", "1"))
    parts = Counter(
        item.impath.split("/")[-3] for item in DigitsDG.read_data(str(tmp_path), ["syn"], "all")
    )
    assert parts == {"train": 2, "val": 2}


@pytest.mark.parametrize(
    "sources, targets, said",
    [
        ([], ["art"], "DATASET.SOURCE_DOMAINS is empty; choose from art, clipart"),
        (["art"], [], "DATASET.TARGET_DOMAINS is empty; choose from art, clipart"),
        (["art"], ["Clipart"], "domain 'Clipart' is not one of art, clipart"),
    ],
)
def test_wrong_domains(tmp_path, sources, targets, said):
    (tmp_path / "office_home").mkdir()
    with pytest.raises((ValueError, AssertionError), match=said):
        build(tmp_path, "OfficeHome", sources, targets)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"office_home; download OfficeHome from https"):
        build(tmp_path, "OfficeHome", ["art"], ["clipart"])
    class_folders(tmp_path / "office_home/art")
    with pytest.raises(FileNotFoundError, match="no folder .*clipart"):
        build(tmp_path, "OfficeHome", ["art"], ["clipart"])
    (tmp_path / "pacs").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no file .*photo_train_kfold.txt"):
        build(tmp_path, "PACS", ["photo"], ["sketch"])


def test_other_classes_in_a_domain_would_shift_labels(tmp_path):
    class_folders(tmp_path / "office_home/art")
    class_folders(tmp_path / "office_home/clipart", ("Pen", "back_pack"))
    with pytest.raises(ValueError, match=r"same class folders; one of them lacks Zoo"):
        build(tmp_path, "OfficeHome", ["art"], ["clipart"])


@pytest.mark.parametrize("line", ["plane/1.png", "plane/1.png one", "plane/1.png -1"])
def test_a_damaged_list(tmp_path, line):
    folder = tmp_path / "visda17/train"
    class_folders(folder, ("plane",), ("1.png",))
    (folder / "image_list.txt").write_text(f"plane/1.png 0\n{line}\n")
    with pytest.raises(ValueError, match=rf"image_list.txt, line 2: '{line}' is not a path and"):
        build(tmp_path, "VisDA17", ["synthetic"], ["real"])
