"""Small drawings as SVG text for the page of a run; colours and fonts are the page's CSS classes."""

import math
from collections.abc import Sequence

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 250, 132
LEFT, RIGHT, TOP, BOTTOM = 42, 12, 8, 20  # margins; right half an epoch of three digits
MOST_DOTS = 1000


def ticks(high: float, most: int) -> list[float]:
    """Round numbers from 0 to the first at or above `high`, at most `most` + 1 of them."""
    if high <= 0 or not math.isfinite(high):
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(high / most))
    step = next(s * power for s in (1, 2, 2.5, 5, 10, 20) if s * power * most >= high * (1 - 1e-9))
    return [i * step for i in range(math.ceil(high / step - 1e-9) + 1)]


def number(value: float) -> str:
    """Four digits at most, and no more than it has."""
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def curve(
    dots: Points,
    line: Points,
    epochs: int,
    what: str,
    steps: bool = False,
    top: float | None = None,
) -> str:
    """Values over epochs: faint dots, and a line with the value of each of its points where the mouse is.

    Args:
        epochs: where the axis ends.
        what: read aloud in place of the drawing.
        steps: the line stays at a value until the next one.
        top: where the vertical axis ends; by default it holds all points.
    """
    dots, line = _finite(dots), _finite(line)
    heights = ticks(top or max((y for _, y in [*dots, *line]), default=1.0), 4)
    x, y = _scale(0, epochs, LEFT, WIDTH - RIGHT), _scale(0, heights[-1], HEIGHT - BOTTOM, TOP)
    parts = [_axes(heights, [t for t in ticks(epochs, 5) if t <= epochs and t == int(t)], x, y)]
    if dots:
        thinned = dots[:: math.ceil(len(dots) / MOST_DOTS)]
        parts.append(
            f'<path class="dots" d="{"".join(f"M{x(a):.1f} {y(b):.1f}h0" for a, b in thinned)}"/>'
        )
    if line:
        parts.append(f'<path class="line" d="{_path([(x(a), y(b)) for a, b in line], steps)}"/>')
    if not steps:
        parts += [
            _point(a, b, x(a), y(b), last=i == len(line) - 1) for i, (a, b) in enumerate(line)
        ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{what}">{"".join(parts)}</svg>'
    )


def _finite(points: Points) -> list[tuple[float, float]]:
    return [(a, b) for a, b in points if math.isfinite(b)]


def _scale(low: float, high: float, start: float, end: float):
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _axes(heights: Sequence[float], epochs: Sequence[float], x, y) -> str:
    lines = [
        f'<path class="grid" d="M{LEFT} {y(t):.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 6}" y="{y(t) + 3.5:.1f}" text-anchor="end">{number(t)}</text>'
        for t in heights
    ]
    return "".join(lines) + "".join(
        f'<text x="{x(t):.1f}" y="{HEIGHT - 7}" text-anchor="middle">{t:g}</text>' for t in epochs
    )


def _path(points: Points, steps: bool) -> str:
    (a, b), *rest = points
    return f"M{a:.1f} {b:.1f}" + "".join(
        f"H{a:.1f}V{b:.1f}" if steps else f"L{a:.1f} {b:.1f}" for a, b in rest
    )


def _point(epoch: float, value: float, x: float, y: float, last: bool) -> str:
    """A place to point at, which only the last one shows."""
    return (
        f'<circle class="{"last" if last else "spot"}" cx="{x:.1f}" cy="{y:.1f}" r="{3 if last else 6}">'
        f"<title>epoch {math.ceil(epoch)}: {value:g}</title></circle>"
    )
