"""One reader in two packages: which files are opened, and what their pixels become."""

from importlib.util import find_spec

import dassl.utils.reader
import numpy as np
import pytest
from dassl.utils import read_image as read_by_engine
from PIL import Image

from promptsrc.inference import endings, reader
from promptsrc.inference.images import Preprocessing
from promptsrc.inference.reader import read_image
from tests.conftest import ROOT

NOISE = np.random.RandomState(0).randint(0, 256, (12, 17, 4), dtype=np.uint8)
RGBA = Image.fromarray(NOISE)
RGB = RGBA.convert("RGB")
LARGE = RGBA.resize((48, 32))  # ICO has a least size
FORMATS = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"} | {
    "WEBP": ".webp",
    "PPM": ".ppm",
    "JPEG2000": ".jp2",
    "ICO": ".ico",
    "TGA": ".tga",
    "MPO": ".mpo",
    **({"AVIF": ".avif"} if find_spec("PIL._avif") else {}),
}
MODES = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LA", "RGBA")


def test_the_engine_and_promptsrc_have_the_same_reader():
    of_engine = (ROOT / "engine/dassl/utils/reader.py").read_bytes()
    assert (ROOT / "promptsrc/inference/reader.py").read_bytes() == of_engine
    assert read_by_engine is dassl.utils.reader.read_image


@pytest.mark.parametrize("form", FORMATS)
def test_images_of_8_bits_are_what_pillow_makes_of_them(tmp_path, form):
    read = []
    for mode in MODES:
        path = tmp_path / f"{mode}{FORMATS[form]}"
        try:
            (LARGE if mode.endswith("A") else LARGE.convert("RGB")).convert(mode).save(path, form)
            with Image.open(path) as image:
                expected = image.convert("RGB")
        except (OSError, ValueError):  # the format, or this Pillow, has no such mode
            continue
        for found in (read_image(path), read_by_engine(path)):
            assert found.mode == "RGB" and np.array_equal(found, expected)
        read.append(mode)
    assert "RGB" in read


def test_every_ending_that_folders_are_searched_for_is_read(tmp_path):
    written = {Image.registered_extensions().get(ending) for ending in endings.SUFFIXES}
    assert written - {"PSD", "HEIF", None, "MPO"} == set(FORMATS) - {"MPO"}
    for ending in endings.SUFFIXES - {".psd", ".pfm", *endings.HEIC}:
        path = tmp_path / f"image{ending}"
        LARGE.convert("RGB").save(path, Image.registered_extensions().get(ending, "JPEG"))
        assert read_image(path).mode == "RGB"


@pytest.mark.parametrize("name", ["drawing.jpg", "drawing.eps", "drawing.png"])
def test_postscript_is_not_opened_whatever_its_name(tmp_path, monkeypatch, name):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", None)  # calling it would be a TypeError
    RGB.save(tmp_path / name, "EPS")
    for read in (read_image, read_by_engine):
        with pytest.raises(OSError, match=rf"{name} can't be read .it is not one of JPEG, PNG"):
            read(tmp_path / name)


def test_too_many_pixels_are_refused_in_plain_words(tmp_path, monkeypatch):
    RGB.save(tmp_path / "image.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for read in (read_image, read_by_engine):
        with pytest.raises(OSError, match="image.png can't be read .it has more than 200 pixels"):
            read(tmp_path / "image.png")


def test_heic_is_read_where_its_package_is(tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    RGB.save(tmp_path / "photo.HEIC", "HEIF", quality=-1)
    found = np.asarray(read_image(tmp_path / "photo.HEIC", "shown")).astype(int)
    assert found.shape == (12, 17, 3) and endings.can_read("photo.HEIC")


@pytest.mark.skipif(find_spec("pillow_heif") is not None, reason="pillow-heif is installed")
def test_a_file_that_is_none_of_the_formats_says_which_are(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    with pytest.raises(OSError, match="not one of JPEG, PNG.*; HEIC needs pillow-heif"):
        read_image(tmp_path / "photo.jpg")


def test_tga_is_known_by_its_ending_alone(tmp_path):
    RGB.save(tmp_path / "image.png", "TGA")
    with pytest.raises(OSError, match="it is not one of"):
        read_image(tmp_path / "image.png")


@pytest.mark.parametrize("size", [(12000, 30), (30, 12001), (7001, 7), (2, 4001)])
def test_of_a_very_long_image_the_middle_is_resized(monkeypatch, size):
    waves = 127 + 100 * np.sin(np.linspace(0, 60, max(size)))[None, :, None]
    values = np.repeat(np.repeat(waves, min(size), 0), 3, 2).astype(np.uint8)
    values = values if size[0] > size[1] else values.swapaxes(0, 1)
    image = Image.fromarray(np.ascontiguousarray(values))
    cut = reader.middle(image, 224)
    assert min(cut.size) == min(size) and max(cut.size) in (64 * min(size), 64 * min(size) + 1)
    prepared = Preprocessing(224)(image)
    monkeypatch.setattr(reader, "MOST_PIXELS", 2**40)
    assert reader.middle(image, 224) is image
    whole = Preprocessing(224)(image)
    assert (prepared - whole).abs().max() < 0.02  # one of 255 levels


def test_other_images_are_resized_whole():
    for size in ((224, 224), (4480, 224), (20, 6000)):
        image = Image.new("L", size)
        assert reader.middle(image, 224) is image


def test_an_image_of_one_row_needs_no_gigabytes():
    assert Preprocessing(224)(Image.new("RGB", (2_000_000, 1))).shape == (3, 224, 224)
