"""One picture in every form that Python code has it in."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from promptsrc.inference.sources import as_rgb, one_by_one
from promptsrc.inference.square import square

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)


def png(pixels=PIXELS):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def forms(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png())
    tensor = torch.from_numpy(PIXELS.copy()).permute(2, 0, 1)
    return {
        "path": path,
        "bytes": png(),
        "file": io.BytesIO(png()),
        "open file": path.open("rb"),
        "PIL": Image.fromarray(PIXELS),
        "array": PIXELS,
        "turned array": np.ascontiguousarray(PIXELS.transpose(1, 0, 2)).transpose(1, 0, 2),
        "float array": PIXELS / 255,
        "tensor": tensor,
        "float tensor": tensor.float() / 255,
        "double tensor": tensor.double() / 255,
        "half tensor": (tensor.float() / 255).requires_grad_(),
    }


def test_all_forms_give_the_same_pixels(tmp_path):
    for name, form in forms(tmp_path).items():
        (one,) = one_by_one(form)
        assert np.array_equal(np.asarray(as_rgb(one, "stored")), PIXELS), name
        if hasattr(form, "close"):
            form.close()


@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_a_batch_is_its_images(kind):
    batch = np.stack([PIXELS, PIXELS[::-1]])
    if kind == "tensor":
        batch = torch.from_numpy(batch).permute(0, 3, 1, 2)
    first, second = (np.asarray(as_rgb(image, "stored")) for image in one_by_one(batch))
    assert np.array_equal(first, PIXELS) and np.array_equal(second, PIXELS[::-1])


def test_grey_and_transparent_pixels():
    grey = PIXELS[:, :, 0]
    for form in (grey, grey[:, :, None], torch.from_numpy(grey.copy())[None]):
        found = np.asarray(as_rgb(form, "stored"))
        assert np.array_equal(found, np.repeat(grey[:, :, None], 3, 2))
    icon = np.concatenate([PIXELS, np.zeros((7, 9, 1), np.uint8)], 2)
    icon[0, 0, 3] = 255  # the only pixel that is seen
    shown = np.asarray(as_rgb(icon, "shown"))
    assert (shown[0, 0] == PIXELS[0, 0]).all() and (shown[1:] == 255).all()


def test_forms_in_a_list(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png())
    assert [type(one).__name__ for one in one_by_one([tmp_path, png(), PIXELS])] == [
        type(path).__name__,
        "bytes",
        "ndarray",
    ]


@pytest.mark.parametrize(
    "image, error, message",
    [
        (b"no image", OSError, "image in memory can't be read"),
        (io.BytesIO(b""), OSError, "image in memory can't be read"),
        (b"%!PS-Adobe-3.0", OSError, "it is not one of JPEG"),
        (Image.new("RGB", (0, 0)), OSError, "an image of 0 x 0 pixels has nothing to see"),
        (np.zeros((0, 5, 3), np.uint8), OSError, "an image of 5 x 0 pixels"),
        (np.zeros((5, 5, 2), np.uint8), ValueError, r"shape \(5, 5, 2\); give \(H, W\)"),
        (torch.zeros(5, 5, 3), ValueError, r"shape \(5, 5, 3\); .* as a tensor \(3, H, W\)"),
        (np.zeros(5, np.uint8), ValueError, r"shape \(5,\)"),
        (np.zeros((5, 5), np.int64), ValueError, "values of int64; give uint8, or floats"),
        (np.full((5, 5), 200.0), ValueError, "values from 200 to 200; give floats from 0 to 1"),
        (torch.randn(3, 5, 5), ValueError, "before any normalisation"),
        (np.full((5, 5), np.nan), ValueError, "values from nan to nan"),
        (7, ValueError, "an image is of type int; give a path, bytes"),
        (None, ValueError, "an image is of type NoneType"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_is_no_image(image, error, message):
    with pytest.raises(error, match=message):
        square(as_rgb(image, "stored"), 8, "bicubic")
