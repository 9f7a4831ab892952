"""Corrupted test images against plain formulas, on fresh random images."""

import io

import numpy as np
import pytest
from dassl.config import get_cfg_default
from dassl.data.transforms import build_transform
from dassl.data.transforms.corruptions import KINDS, SEVERITIES, Corrupt
from PIL import Image

STEP = 1.001 / 255  # rounding to bytes, twice


def random_image(smooth=False):
    side = 8 if smooth else 64
    rng = np.random.default_rng()
    image = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return image.resize((64, 64), Image.Resampling.BICUBIC)


def corrupted(image, kind, severity):
    return np.asarray(Corrupt(kind, severity)(image)) / 255


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_corrupted_the_same_each_time_and_more_at_higher_severities(kind):
    image = random_image(smooth=True)
    x = np.asarray(image) / 255
    results = [corrupted(image, kind, severity) for severity in range(1, 6)]
    assert all(np.array_equal(corrupted(image, kind, k + 1), results[k]) for k in range(5))
    distances = [np.abs(result - x).mean() for result in results]
    assert distances == sorted(distances) and distances[0] > 0
    assert {len(severities) for severities in SEVERITIES.values()} == {5}


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_noise_has_the_stated_size(severity):
    grey = Image.new("RGB", (256, 256), (128, 128, 128))
    at = severity - 1
    gaussian = corrupted(grey, "gaussian_noise", 1)
    assert gaussian.std() == pytest.approx(0.08, rel=0.02)
    shot = corrupted(grey, "shot_noise", 1)
    assert shot.std() == pytest.approx((128 / 255 / 60) ** 0.5, rel=0.02)
    impulse = corrupted(grey, "impulse_noise", severity)
    share = SEVERITIES[KINDS["impulse_noise"]][at]
    for value in (0, 1):
        assert (impulse == value).mean() == pytest.approx(share / 2, rel=0.1)


def test_two_images_have_different_noise():
    black, nearly = Image.new("RGB", (32, 32)), Image.new("RGB", (32, 32))
    nearly.putpixel((0, 0), (1, 0, 0))
    noises = [corrupted(image, "gaussian_noise", 5) for image in (black, nearly)]
    assert np.abs(noises[0] - noises[1]).max() > 0.5


def test_contrast_and_brightness():
    image = random_image()
    x = np.asarray(image) / 255
    mean = x.reshape(-1, 3).mean(0)
    assert np.abs(corrupted(image, "contrast", 2) - (mean + 0.3 * (x - mean))).max() < STEP
    hsv, brighter = image.convert("HSV"), corrupted(image, "brightness", 3)
    value = np.asarray(hsv)[..., 2] / 255
    assert np.abs(brighter.max(-1) - np.clip(value + 0.3, 0, 1)).max() < STEP
    grey = Image.new("RGB", (4, 4), (0, 0, 0))
    assert np.allclose(corrupted(grey, "brightness", 1), 0.1, atol=STEP)


def test_blurs_keep_the_mean_and_spread_a_point():
    point = np.zeros((65, 65, 3), np.uint8)
    point[32, 32] = 255
    disk = KINDS["defocus_blur"](point / 255, 3, np.random.default_rng())
    assert disk.sum() == pytest.approx(3, rel=1e-6)
    assert disk[32, 32, 0] == pytest.approx(disk[32, 34, 0], rel=0.1)  # flat inside
    assert disk[32, 38, 0] == 0
    blur = KINDS["gaussian_blur"](point / 255, 2, np.random.default_rng())
    ratio = blur[32, 34, 0] / blur[32, 32, 0]
    assert ratio == pytest.approx(np.exp(-4 / (2 * 2**2)), rel=1e-3)


def test_compressions_are_pillows():
    image = random_image(smooth=True)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=10)
    assert np.array_equal(
        corrupted(image, "jpeg_compression", 4) * 255, np.asarray(Image.open(file))
    )
    small = image.resize((16, 16), Image.Resampling.BOX)
    assert np.array_equal(
        corrupted(image, "pixelate", 5) * 255, np.asarray(small).repeat(4, 0).repeat(4, 1)
    )


def test_only_the_test_transform_corrupts(capsys):
    cfg = get_cfg_default()
    cfg.INPUT.SIZE, cfg.TEST.CORRUPTION, cfg.TEST.SEVERITY = (32, 32), "pixelate", 5
    train, test = build_transform(cfg), build_transform(cfg, is_train=False)
    assert "Corrupt(pixelate, severity=5)" in repr(test) and "Corrupt" not in repr(train)
    assert "+ pixelate, severity 5" in capsys.readouterr().out
    pixels = test(random_image()).numpy()
    assert len({column.tobytes() for column in pixels.transpose(2, 0, 1)}) == 8
    cfg.TEST.CORRUPTION = ""
    assert "Corrupt" not in repr(build_transform(cfg, is_train=False))


@pytest.mark.parametrize(
    "kind, severity, message",
    [
        ("snow", 1, "TEST.CORRUPTION is 'snow'; choose one of gaussian_noise, shot_noise"),
        ("pixelate", 6, "TEST.SEVERITY is 6; it must be at most 5"),
        ("pixelate", 0, "TEST.SEVERITY is 0; it must be at least 1"),
    ],
)
def test_other_kinds_and_severities_are_refused(kind, severity, message):
    with pytest.raises(ValueError, match=message):
        Corrupt(kind, severity)
