"""Which files of a folder are images; training and predictions share the rule."""

import os
import socket
from collections import Counter
from pathlib import Path

import pytest

from promptsrc.inference import endings
from promptsrc.inference.listing import described, image_files, images_below, places_of
from promptsrc.inference.reader import read_image

PHOTOS = ("a.jpg", "b/c.PNG", "b/d/e.jfif", "b.x/f.webp")


@pytest.fixture
def photos(tmp_path):
    return touch(tmp_path / "photos", *PHOTOS)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_images_are_found_at_any_depth_and_sorted_folder_by_folder(photos):
    found = ["a.jpg", "b/c.PNG", "b/d/e.jfif", "b.x/f.webp"]
    assert images_below(photos) == (found, Counter())
    assert image_files([photos]) == [photos / name for name in found]


@pytest.mark.parametrize(
    "name", ["__MACOSX/b/c.png", "Thumbs.db", ".DS_Store", "b/._c.png", "desktop.ini", ".t/x.jpg",
             "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "b/__macosx/x.jpg"],
)  # fmt: skip
def test_what_systems_leave_is_neither_found_nor_counted(photos, name):
    touch(photos, name)
    assert images_below(photos) == (list(PHOTOS), Counter())


def test_other_files_are_counted_by_ending_with_what_helps(photos, monkeypatch, capsys):
    monkeypatch.setattr(endings, "SUFFIXES", endings.SUFFIXES - endings.HEIC)
    touch(photos, *(f"b/IMG_{i}.HEIC" for i in range(5)), "logo.svg", "notes", "x.2020-01 (copy)")
    text = (
        "passed over 5 .heic (install pillow-heif or convert), 2 without a usual ending, "
        "1 .svg (convert to .png)"
    )
    assert described(images_below(photos).passed_over) == text
    assert len(image_files([photos])) == 4
    assert capsys.readouterr() == ("", f"{photos}: {text}\n")


def test_a_folder_of_iphone_photos_does_not_just_have_no_images(tmp_path, monkeypatch):
    monkeypatch.setattr(endings, "SUFFIXES", endings.SUFFIXES - endings.HEIC)
    touch(tmp_path, *(f"IMG_{i}.HEIC" for i in range(5)))
    with pytest.raises(ValueError, match=r"has no images \(passed over 5 .heic \(install pillow-"):
        image_files([tmp_path])


def test_many_endings_are_summed_up():
    counts = Counter({f".{n}": n for n in range(1, 10)})
    assert described(counts) == "passed over 9 .9, 8 .8, 7 .7, 6 .6, 5 .5, 4 .4, 6 others"


def test_links_to_folders_are_counted_and_links_to_files_followed(photos, tmp_path):
    elsewhere = touch(tmp_path / "elsewhere", "g.jpg")
    (photos / "linked").symlink_to(elsewhere)
    (photos / "circle").symlink_to(photos)
    (photos / "h.jpg").symlink_to(elsewhere / "g.jpg")
    (photos / "i.jpg").symlink_to("nowhere.jpg")  # opening it names it
    (photos / "loop.txt").symlink_to("loop.txt")
    found, passed_over = images_below(photos)
    assert found == [*PHOTOS, "h.jpg", "i.jpg"]
    assert passed_over == {"linked folder(s)": 2, ".txt": 1}


def test_a_folder_that_is_a_link_is_searched(photos, tmp_path):
    (tmp_path / "link").symlink_to(photos)
    assert image_files([tmp_path / "link"]) == [tmp_path / "link" / name for name in PHOTOS]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_and_sockets_are_never_opened(photos, tmp_path, capsys):
    os.mkfifo(photos / "pipe.png")
    (photos / "link.png").symlink_to("pipe.png")
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as endpoint:
        os.chdir(photos)  # the path of a socket has at most 107 bytes
        endpoint.bind("socket.png")
        os.chdir(here)
        assert images_below(photos) == (list(PHOTOS), Counter({"pipe(s) or device(s)": 3}))
    for path in (photos / "pipe.png", "/dev/null"):
        with pytest.raises(ValueError, match="is a pipe or device; give image files or folders"):
            image_files([path])


@pytest.mark.parametrize("name", ["photos/b", "photos"])
def test_what_cannot_be_read_is_named_by_who_opens_it_and_stops_no_other(
    photos, tmp_path, monkeypatch, name
):
    real = os.scandir

    def scandir(path):  # root may read everything
        if os.path.normpath(path) == str(tmp_path / name):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    (photos / "gone.png").symlink_to("nowhere")
    left = [photos / "a.jpg", photos / "b", photos / "b.x/f.webp", photos / "gone.png"]
    found = left if name == "photos/b" else [photos]
    assert image_files([photos, photos / "gone.png"]) == [*found, photos / "gone.png"]
    with pytest.raises(OSError, match="b can't be read"):
        read_image(photos / "b")


def test_names_that_are_not_utf_8_print(tmp_path):
    notes, folder = [], tmp_path / os.fsdecode(b"caf\xe9")
    touch(folder, "a.png", "b.txt")
    image_files([folder], notes.append)
    assert notes == [f"{tmp_path}/caf\\udce9: passed over 1 .txt"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("~/photos/a.jpg", ["a.jpg"]),
        ("photos/*.jpg", ["a.jpg", "odd[1].jpg"]),
        ("photos/**/*.[jJ]*", ["a.jpg", "b/d/e.jfif", "b/f.jpeg", "odd[1].jpg"]),
        ("~/photos/b*", ["b/c.PNG", "b/d/e.jfif", "b/f.jpeg", "b.x/f.webp"]),
        ("photos/odd[1].jpg", ["odd[1].jpg"]),
        (r"photos\b\f.jpeg", ["b/f.jpeg"]),
        (r"photos\b\*.jpeg", ["b/f.jpeg"]),
    ],
)
def test_paths_as_people_type_them(photos, tmp_path, monkeypatch, typed, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    touch(photos, "odd[1].jpg", "b/f.jpeg", ".hidden.jpg")
    found = [path.absolute().relative_to(photos).as_posix() for path in image_files([typed])]
    assert found == expected


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("no/*.jpg", "no image matches no/\\*.jpg"),
        ("C:\\photos\\a.jpg", r"no image or folder at C:.photos.a.jpg"),
        ("https://a.org/a.jpg", "https://a.org/a.jpg is a web address; download the image first"),
    ],
)
def test_paths_that_are_not_there(typed, message):
    with pytest.raises(FileNotFoundError, match=message):
        image_files([typed])


@pytest.mark.parametrize("name", ["photos.zip", "photos.TAR.GZ"])
def test_an_archive_is_to_be_unpacked(tmp_path, name):
    touch(tmp_path, name)
    with pytest.raises(ValueError, match=f"{name} is an archive; unpack it, and give the folder"):
        image_files([tmp_path / name])


def test_a_drive_of_windows_in_its_linux(photos, monkeypatch):
    monkeypatch.setattr(os.path, "lexists", lambda path: path == "/mnt/c/Users/me/a.jpg")
    assert places_of(r"C:\Users\me\a.jpg") == [Path("/mnt/c/Users/me/a.jpg")]
