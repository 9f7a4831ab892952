"""Which endings are images, and what to do about the others."""

import pytest

from promptsrc.inference import endings


@pytest.mark.parametrize(
    "name, hint",
    [
        ("a.JFIF", ""),
        ("a.pgm", ""),
        ("a.txt", ""),
        ("a.svg", "convert to .png"),
        ("a.NEF", "convert to .jpg"),
    ],
)
def test_what_to_do_about_images_that_are_passed_over(name, hint):
    assert endings.why_not(name) == hint
    assert endings.can_read(name) == (name.lower() in ("a.jfif", "a.pgm"))


def test_heic_needs_a_package():
    """Readable and with a hint, never both, never neither."""
    assert endings.can_read("a.heic") != bool(endings.why_not("a.heic"))
    assert endings.can_read("a.avif") != bool(endings.why_not("a.avif"))
