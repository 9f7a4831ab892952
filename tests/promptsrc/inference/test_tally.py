"""The summary of what was classified."""

import re

from PIL import Image

from promptsrc.files import fingerprint
from promptsrc.inference.classifier import Class, Prediction
from promptsrc.inference.tally import Tally


def said(tally):
    return re.sub(r"[\d.]+ s", "1.0 s", tally.summary())


def test_classes_are_counted_the_most_frequent_first():
    tally = Tally()
    for number in range(14):
        for _ in range(1 + (number == 3)):
            tally.add(Prediction(None, [Class(f"c{number}", 0.9), Class("other", 0.1)]))
    names = ", ".join(f"1 c{n}" for n in (0, 1, 2, 4, 5, 6, 7, 8, 9))
    assert said(tally) == f"15 images in 1.0 s: 2 c3, {names}, 4 other classes"


def test_known_and_unreadable_images_are_counted(tmp_path):
    for number in range(3):
        Image.new("RGB", (2, 2 + number)).save(tmp_path / f"{number}.png")
    tally = Tally({fingerprint(tmp_path / "1.png")})
    for number in range(2):
        tally.add(Prediction(tmp_path / f"{number}.png", [Class("owl", 1.0)]))
    tally.unreadable = 1
    assert said(tally) == (
        "2 images in 1.0 s: 2 owl; 1 of them was trained on; 1 could not be read"
    )
    assert tally.known == {tmp_path / "1.png"}


def test_nothing_classified():
    assert said(Tally()) == "0 images in 1.0 s"


def test_images_that_are_shown_otherwise_are_noted(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (2, 2)).save(tmp_path / "0.jpg", exif=exif)
    for stored, note in ((True, "1 of 1 images have an EXIF orientation"), (False, "")):
        tally = Tally(stored=stored)
        tally.add(Prediction(tmp_path / "0.jpg", [Class("owl", 1.0)]))
        assert tally.note_on_turned().startswith(note) and bool(tally.note_on_turned()) == stored
