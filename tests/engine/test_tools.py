"""Reading images."""

import pytest
from dassl.utils import read_image


def test_an_unreadable_image_is_named(root):
    (root / "red0.png").write_bytes(b"no image")
    with pytest.raises(OSError, match="red0.png can't be read"):
        read_image(str(root / "red0.png"))
    with pytest.raises(FileNotFoundError, match="no image at .*red9.png"):
        read_image(str(root / "red9.png"))
