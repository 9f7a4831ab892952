"""What is counted while images are classified, and said at the end."""

import time
from collections import Counter
from collections.abc import Container
from pathlib import Path

from promptsrc.files import fingerprint
from promptsrc.inference.classifier import Prediction
from promptsrc.inference.reader import is_turned

NAMED = 10  # classes, the most frequent


class Tally:
    """Images by their most probable class, and those that are odd.

    Args:
        trained_on: fingerprints of the images that the prompts were trained on.
        stored: whether images are read as they are stored, not turned as EXIF says.

    Attributes:
        known: the images that the prompts were trained on.
        unreadable: how many images could not be read.
    """

    def __init__(self, trained_on: Container[str] = (), stored: bool = False):
        self.known: set[Path | None] = set()
        self.unreadable = 0
        self._trained_on, self._stored = trained_on, stored
        self._classes: Counter[str] = Counter()
        self._turned = 0
        self._started = time.monotonic()

    def add(self, prediction: Prediction) -> None:
        """Count an image."""
        image, classes = prediction
        self._classes[classes[0].name] += 1
        if image is not None:
            self._turned += self._stored and is_turned(image)
            if self._trained_on and fingerprint(image) in self._trained_on:
                self.known.add(image)

    def summary(self) -> str:
        """`20 images in 1.2 s: 12 bird, 8 cat; 3 of them were trained on; 1 could not be read`."""
        count, seconds = self._classes.total(), time.monotonic() - self._started
        named = [f"{n:,} {name}" for name, n in self._classes.most_common(NAMED)]
        if others := len(self._classes) - len(named):
            named.append(f"{others:,} other classes")
        parts = [f"{count:,} image{'s' * (count != 1)} in {seconds:.1f} s"]
        parts[0] += f": {', '.join(named)}" * bool(named)
        if self.known:
            were = "was" if len(self.known) == 1 else "were"
            parts.append(f"{len(self.known):,} of them {were} trained on")
        if self.unreadable:
            parts.append(f"{self.unreadable:,} could not be read")
        return "; ".join(parts)

    def note_on_turned(self) -> str:
        """What to say of images that people see otherwise; empty: nothing."""
        if not self._turned:
            return ""
        return (
            f"{self._turned} of {self._classes.total() + self.unreadable} images have an EXIF "
            "orientation, which is not applied: the prompts were trained on images as they are "
            "stored (INPUT.READ_AS)"
        )
