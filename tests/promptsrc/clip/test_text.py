"""Class names become texts of at most 77 tokens."""

import pytest

from promptsrc.clip.text import tokenize


def test_a_name_too_long_is_named():
    with pytest.raises(
        ValueError, match="'a photo of a (cat ){99}.* is longer than CLIP's 77 tokens"
    ):
        tokenize(["a dog.", "a photo of a " + "cat " * 99])
