"""What the pixels of images become: wide values, transparency, orientation."""

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
from dassl.utils import read_image as read_by_engine
from PIL import Image, ImageColor

from promptsrc.inference import reader
from promptsrc.inference.reader import read_image, to_rgb
from tests.promptsrc.inference.test_reader import FORMATS, NOISE, RGB, RGBA

# Of more than 8 bits per channel

BYTES = NOISE[..., 0]
WIDE = BYTES.astype(np.uint16) * 256 + NOISE[..., 1]  # 16 bits, with BYTES as the upper 8
INTEGERS, SIGNED, FLOATS = 1, 2, 3  # of TIFF's SampleFormat


def png(values):
    """A PNG of 16 bits per channel: values (H, W) or (H, W, channels)."""
    height, width, *channels = values.shape
    color = {(): 0, (2,): 4, (3,): 2, (4,): 6}[tuple(channels)]
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def tiff(data, width, height, bits, kind=INTEGERS, channels=1):
    """An uncompressed TIFF."""
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, 1 if channels == 1 else 2)]
    entries += [(273, 0), (277, channels), (278, height), (279, len(data)), (339, kind)]
    table = 8 + len(data)
    after = table + 2 + 12 * len(entries) + 4  # values that do not fit into an entry
    lists = {258: struct.pack("<3H", *[bits] * 3), 339: struct.pack("<3H", *[kind] * 3)}
    directory = struct.pack("<H", len(entries))
    for tag, value in entries:
        if channels == 3 and tag in lists:
            directory += struct.pack("<HHII", tag, 3, 3, after + 6 * (tag == 339))
        else:
            directory += struct.pack("<HHII", tag, 4, 1, 8 if tag == 273 else value)
    header = struct.pack("<2sHI", b"II", 42, table)
    return header + data + directory + b"\0" * 4 + lists[258] + lists[339]


def tiff_of(values, kind=INTEGERS):
    height, width = values.shape[:2]
    channels = 3 if values.ndim == 3 else 1
    return tiff(values.tobytes(), width, height, 8 * values.itemsize, kind, channels)


def saved(values, form):
    out = io.BytesIO()
    Image.fromarray(values).save(out, form)
    return out.getvalue()


def twelve_bits(values):
    """Two values in three bytes."""
    bits = np.unpackbits(values.astype(">u2").view(np.uint8).reshape(*values.shape, 2), axis=-1)
    rows = bits[..., 4:].reshape(len(values), -1)
    return np.packbits(rows, axis=1).tobytes()


FLAT = BYTES.astype(np.float32)
SCALED = {
    "16-bit PNG": (png(WIDE), BYTES),
    "16-bit TIFF": (tiff_of(WIDE), BYTES),
    "16-bit PGM": (b"P5 17 12 65535\n" + WIDE.astype(">u2").tobytes(), BYTES),
    "16-bit JPEG 2000": (saved(WIDE, "JPEG2000"), BYTES),
    "16-bit colours, PNG": (png(NOISE[..., :3].astype(np.uint16) * 257), NOISE[..., :3]),
    "16-bit colours, TIFF": (tiff_of(NOISE[..., :3].astype(np.uint16) * 257), NOISE[..., :3]),
    "16-bit gray with alpha": (png(np.stack([WIDE, WIDE], -1)), BYTES),
    "12-bit TIFF": (tiff(twelve_bits(WIDE[:, :16] >> 4), 16, 12, 12), BYTES[:, :16]),
    "8-bit values in 16 bits, PNG": (png(BYTES.astype(np.uint16)), BYTES),
    "8-bit values in 16 bits, TIFF": (tiff_of(BYTES.astype(np.uint16)), BYTES),
    "8-bit values in 32 bits": (saved(BYTES.astype(np.int32), "TIFF"), BYTES),
    "8-bit values in 16 bits, signed": (tiff_of(BYTES.astype(np.int16), SIGNED), BYTES),
    "8-bit values as floats": (tiff_of(FLAT, FLOATS), BYTES),
    "floats from 0 to 1": (tiff_of(FLAT / 255, FLOATS), BYTES),
    "black, 16 bits": (png(np.zeros((4, 4), np.uint16)), np.zeros((4, 4), np.uint8)),
    "black floats": (tiff_of(np.zeros((4, 4), np.float32), FLOATS), np.zeros((4, 4), np.uint8)),
}
REFUSED = {
    "12-bit values in 16 bits": (png(WIDE >> 4), "mode I(;16)?, values from 3 to 4071:"),
    "10-bit values in 16 bits, TIFF": (tiff_of(WIDE >> 6), "mode I(;16)?, values"),
    "labels in 16 bits": (
        png(WIDE % 9),
        "mode I(;16)?, values from 0 to 8: which value is white is",
    ),
    "16-bit colours, all dark": (
        png(NOISE[..., :3].astype(np.uint16)),
        "mode RGB, all its 16-bit values are below 4,096",
    ),
    "12-bit values in 16-bit colours, TIFF": (
        tiff_of(NOISE[..., :3].astype(np.uint16) * 8),
        "mode RGB, all its 16-bit values are below",
    ),
    "signed": (tiff_of(WIDE.view(np.int16), SIGNED), "mode I, values from -"),
    "signed above 255": (tiff_of((WIDE >> 1).astype(np.int16), SIGNED), "mode I, values from"),
    "32 bits": (saved(WIDE.astype(np.int32), "TIFF"), "mode I, values from"),
    "negative floats": (tiff_of(FLAT - 100, FLOATS), "mode F, values from -100 to 154"),
    "floats up to 10": (tiff_of(FLAT / 25.5, FLOATS), "mode F, values from 0 to 9.96078:"),
    "floats up to 10,000": (tiff_of(FLAT * 40, FLOATS), "mode F, values from 0 to 10160"),
    "tiny floats": (tiff_of(FLAT / 1e5, FLOATS), "mode F, values from 0 to 0.00254"),
    "NaN": (tiff_of(np.where(FLAT > 9, FLAT, np.float32("nan")), FLOATS), "mode F, values .* nan"),
    "infinite": (tiff_of((FLAT + 1) * np.float32("inf"), FLOATS), "mode F, values"),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", SCALED)
def test_values_of_a_known_scale(tmp_path, name):
    content, expected = SCALED[name]
    (tmp_path / "image").write_bytes(content)
    for read, read_as in itertools.product((read_image, read_by_engine), reader.READ_AS):
        if read_as == "shown" and "alpha" in name:
            continue
        found = np.asarray(read(tmp_path / "image", read_as))
        if expected.ndim == 2:
            expected = expected[..., None].repeat(3, 2)
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", REFUSED)
def test_values_of_an_unknown_scale_are_refused(tmp_path, name):
    content, reason = REFUSED[name]
    (tmp_path / "image").write_bytes(content)
    for read in (read_image, read_by_engine):
        with pytest.raises(OSError, match=rf"image .*/image can't be read \({reason}.*save as 8"):
            read(tmp_path / "image")


def test_lab_has_its_colours(tmp_path):
    colors = {"white": (255, 128, 128), "black": (0, 128, 128), "red": (136, 208, 195)}
    for name, lab in colors.items():
        Image.new("LAB", (8, 8), lab).save(tmp_path / "image.tif")
        found = np.asarray(read_image(tmp_path / "image.tif")).astype(int)
        assert abs(found - np.array(ImageColor.getrgb(name))).max() < 16


def test_inks_are_the_colours_they_stand_for(tmp_path):
    """CMYK JPEGs are inverted where Adobe wrote them, and Pillow writes them so."""
    for name, color in {"red": (0, 255, 255, 0), "black": (0, 0, 0, 255)}.items():
        Image.new("CMYK", (8, 8), color).save(tmp_path / "image.jpg")
        found = np.asarray(read_image(tmp_path / "image.jpg")).astype(int)
        assert abs(found - np.array(ImageColor.getrgb(name))).max() < 8


# Transparency


def with_key(image, key):
    image = image.copy()
    image.info["transparency"] = key
    return image


GRAY, PALETTE = RGB.convert("L"), RGB.quantize(16)
FIRST, SOME = PALETTE.getpixel((0, 0)), GRAY.getpixel((3, 0))
TRANSPARENT = {  # images, and which pixels are transparent
    "RGBA": (RGBA.copy(), None),
    "LA": (RGBA.convert("LA"), None),
    "P, one color": (with_key(PALETTE, FIRST), np.asarray(PALETTE) == FIRST),
    "P, alpha": (
        with_key(PALETTE, bytes(0 if i == FIRST else 255 for i in range(16))),
        np.asarray(PALETTE) == FIRST,
    ),
    "RGB, one color": (with_key(RGB, RGB.getpixel((0, 0))), np.arange(204).reshape(12, 17) == 0),
    "L, one value": (with_key(GRAY, SOME), np.asarray(GRAY) == SOME),
    "1, white": (with_key(RGB.convert("1"), 255), np.asarray(RGB.convert("1"))),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_transparency_is_white_where_images_are_shown(tmp_path, name):
    image, transparent = TRANSPARENT[name]
    image.save(tmp_path / "image.png")
    plain = image.copy()
    plain.info.clear()
    plain = np.asarray(plain.convert("RGB")).astype(int)
    if transparent is None:
        alpha = np.asarray(image.getchannel("A"))[..., None] / 255
        expected = plain * alpha + 255 * (1 - alpha)
    else:
        assert transparent.any()
        expected = np.where(transparent[..., None], 255, plain)
    shown = np.asarray(read_image(tmp_path / "image.png", "shown"))
    assert abs(shown - expected).max() < (2 if transparent is None else 1)
    assert np.array_equal(read_image(tmp_path / "image.png"), plain)


def test_an_opaque_image_is_the_same_and_empty_alpha_is_none(tmp_path):
    for alpha in (255, 0):
        image = RGB.copy()
        image.putalpha(alpha)
        image.save(tmp_path / "image.png")
        for read_as in reader.READ_AS:
            assert np.array_equal(read_image(tmp_path / "image.png", read_as), RGB)


# Orientation

LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}
STORED = {  # how the upright image is stored for each orientation
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("form", LOSSLESS)
@pytest.mark.parametrize("orientation", STORED)
def test_eight_orientations_are_one_image(tmp_path, form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](np.asarray(RGB)))
    Image.fromarray(stored).save(tmp_path / "image", form, exif=exif, **LOSSLESS[form])
    assert np.array_equal(read_image(tmp_path / "image", "shown"), RGB)
    with Image.open(tmp_path / "image") as image:
        assert np.array_equal(to_rgb(image, "shown"), RGB)
    if form != "TIFF":  # which Pillow turns anyway
        assert np.array_equal(read_image(tmp_path / "image"), stored)


@pytest.mark.parametrize("form", sorted({*FORMATS} & {"JPEG", "MPO", "AVIF"}))
def test_photos_are_turned(tmp_path, form):
    """Of a picture with a white top, the top is white."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("L", (32, 48))
    image.paste(255, (0, 0, 32, 24))
    image.transpose(Image.Transpose.ROTATE_90).convert("RGB").save(
        tmp_path / "image", form, exif=exif
    )
    found = np.asarray(read_image(tmp_path / "image", "shown"))
    assert found.shape == (48, 32, 3) and found[:20].min() > 200 and found[28:].max() < 50


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"none", b""]
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_says_nothing(tmp_path, exif):
    RGB.save(tmp_path / "image.jpg", exif=exif)
    shown = read_image(tmp_path / "image.jpg", "shown")
    assert np.array_equal(shown, read_image(tmp_path / "image.jpg"))


def test_an_orientation_that_does_not_exist_says_nothing(tmp_path):
    exif = Image.Exif()
    for odd in (0, 9, 65535):
        exif[0x0112] = odd
        RGB.save(tmp_path / "image.png", exif=exif)
        assert np.array_equal(read_image(tmp_path / "image.png", "shown"), RGB)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "TIFF", "PNG"])
def test_an_animation_is_its_first_image(tmp_path, form):
    frames = [Image.new("RGB", (9, 9), name) for name in ("red", "blue", "lime")]
    keys = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(tmp_path / "image", form, save_all=True, append_images=frames[1:], **keys)
    for read_as in reader.READ_AS:
        assert np.array_equal(read_image(tmp_path / "image", read_as), frames[0])


@pytest.mark.parametrize(
    "name, dtype, low, speck",
    [
        ("a.png", np.uint16, 4095, 65535),
        ("a.tif", np.float32, 1, 20),
        ("b.tif", np.float32, 1, 255),
    ],
)
def test_a_speck_does_not_say_which_value_is_white(tmp_path, name, dtype, low, speck):
    """12-bit values in 16 bits, and floats up to 1, with one hot pixel."""
    values = np.linspace(0, low, 30 * 40).reshape(30, 40).astype(dtype)
    values[1, 0] = speck
    Image.fromarray(values).save(tmp_path / name)
    with pytest.raises(OSError, match=f"values from 0 to {speck}: which value is white is unknown"):
        read_image(tmp_path / name)
