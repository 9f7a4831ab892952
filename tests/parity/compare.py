"""How much ours differs from a recorded array."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from tests.parity.training import replay_of

KINDS = {  # kind of tolerance by start of the array's name; ids and labels are exact
    r"param/|alpha_before": "param",
    r"grad(_ce|_kl)?/": "grad",
    r"gradient_cosine": "gradient_cosine",
    r"loss": "loss",
    r"logits_|eval_logits|search_logits": "logits",
    r"step0_|eval_text_features|eval_image_features|text_features/|class_tokens_": "features",
    r"multipliers|cache_keys|text_weights|(eval|val)_features": "features",
    r"lr_|search_best": "lr",
    r"gauss": "gauss",
    r"teacher_text_raw": "teacher_text_raw",
    r"base_text_features|features_train": "raw_features",
}


@dataclass(frozen=True)
class Difference:
    """How much ours differs from one recorded array."""

    case: str
    array: str
    absolute: float
    relative: float
    allowed: float

    @property
    def fits(self) -> bool:
        """Whether the difference is allowed."""
        return self.absolute <= self.allowed

    def __str__(self) -> str:
        verdict = "ok" if self.fits else "BEYOND"
        differences = f"{self.absolute:.2e}  {self.relative:.2e}  {self.allowed:.0e}"
        return f"{self.case}  {self.array}  {differences}  {verdict}"


def replay(
    folder: Path, case: Mapping[str, Any], tolerances: Mapping[str, float]
) -> Iterator[Difference]:
    """The difference of every recorded array of a case; infinite if ours lacks the array."""
    name = Path(case["file"]).stem
    golden = np.load(folder / case["file"])
    with tempfile.TemporaryDirectory() as output, redirect_stdout(StringIO()):
        ours = replay_of(case, Path(output), golden)
    for array in sorted(golden.files):
        yield _compare(name, array, ours, golden[array], _tolerance(array, tolerances))


def _tolerance(array: str, tolerances: Mapping[str, float]) -> float:
    return next(
        (tolerances[kind] for pattern, kind in KINDS.items() if re.match(pattern, array)), 0.0
    )


def _compare(
    case: str, array: str, ours: Mapping[str, Any], golden: np.ndarray, allowed: float
) -> Difference:
    value = _value(array, ours)
    if value is None or value.shape != golden.shape:
        return Difference(case, array, np.inf, np.inf, allowed)
    absolute = np.abs(value.astype(np.float64) - golden.astype(np.float64))
    relative = absolute / np.maximum(np.abs(golden.astype(np.float64)), 1e-12)
    return Difference(case, array, float(absolute.max()), float(relative.max()), allowed)


def _value(array: str, ours: Mapping[str, Any]) -> np.ndarray | None:
    """Our array of this name, or the sums that represent a large one."""
    name, _, part = array.partition("#")
    if name not in ours:
        return None
    value = ours[name]
    value = value.detach().float().numpy() if isinstance(value, Tensor) else np.asarray(value)
    if not part:
        return value
    wide = value.astype(np.float64)
    return {"rowsum": wide.sum(1), "colsum": wide.sum(0), "corner": value[:16, :16]}[part]
