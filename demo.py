"""Zero-shot CLIP, IVLP and PromptSRC on the embedded benchmark: base classes, new classes and their harmonic mean.

python demo.py        writes output/demo/table.json, table.md and figure.png; runs go to output/demo/base2new
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from base2new import DATASET, HERE, ROOT, harmonic_mean, jobs, with_defaults
from train import parse_args

METHODS = ("ZeroshotCLIP", "IVLP", "PromptSRC")
OUTPUT = Path("output/demo")


def main() -> int:
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    rows = [measure(method) for method in METHODS]
    table = markdown(rows)
    (OUTPUT / "table.json").write_text(json.dumps(rows, indent=2) + "\n")
    (OUTPUT / "table.md").write_text(table)
    draw(rows, OUTPUT / "figure.png")
    print(f"\n{table}\nwritten to {OUTPUT}: table.md, table.json, figure.png")
    return 0


def measure(method: str) -> dict[str, str | float]:
    """Train on the base classes, test on base and new (seed 1): accuracies in percent, and seconds.

    Raises:
        SystemExit: a run failed; it has said why.
    """
    words = ["--trainer", method, "--output-dir", str(OUTPUT)]
    started = time.time()
    if code := subprocess.call([sys.executable, str(HERE / "train.py"), *words]):
        raise SystemExit(code)
    base, new = (job.accuracy() for job in jobs(with_defaults(parse_args(words))))
    numbers = {"base": base, "new": new, "hm": harmonic_mean(base, new), "seconds": time.time() - started}
    return {"method": method, **{name: round(value, 1) for name, value in numbers.items()}}


def markdown(rows: list[dict]) -> str:
    lines = ["| method | base | new | harmonic mean | seconds |", "|---|---|---|---|---|"]
    lines += ["| {method} | {base:.1f} | {new:.1f} | {hm:.1f} | {seconds:.0f} |".format(**row) for row in rows]
    return "\n".join(lines) + "\n"


def draw(rows: list[dict], path: Path) -> None:
    """One drawing a class above, the accuracies below."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(10, 5.6), dpi=150)
    strip, chart = figure.subfigures(2, 1, height_ratios=[1, 2])
    examples = _one_a_class()
    for axis, (path_, name) in zip(strip.subplots(2, (len(examples) + 1) // 2).flat, examples, strict=False):
        axis.imshow(plt.imread(path_))
        axis.set_title(name, fontsize=6, pad=2, y=-0.1, va="top")
    for axis in strip.axes:
        axis.axis("off")
    strip.subplots_adjust(left=0.03, right=0.97, top=0.97, bottom=0.12)
    _bars(chart.subplots(), rows)
    chart.subplots_adjust(left=0.08, right=0.97, top=0.97, bottom=0.11)
    figure.savefig(path)
    plt.close(figure)


def _one_a_class() -> list[tuple[Path, str]]:
    folder = ROOT / DATASET.stem
    test = json.loads((folder / "split_zhou_Emoji.json").read_text())["test"]
    first = {name: folder / "images" / path for path, _, name in reversed(test)}
    return [(first[name], name.replace("_", "\n")) for name in sorted(first)]


def _bars(axis, rows: list[dict]) -> None:
    colours, width = {"base": "#3b6ea8", "new": "#e08b3e", "hm": "#5d6b78"}, 0.26
    labels = {"base": "base classes (trained on)", "new": "new classes (never trained on)", "hm": "harmonic mean"}
    for k, (key, colour) in enumerate(colours.items()):
        positions = [i + (k - 1) * width for i in range(len(rows))]
        bars = axis.bar(positions, [row[key] for row in rows], width * 0.94, color=colour, label=labels[key])
        axis.bar_label(bars, fmt="%.1f", fontsize=9, padding=2)
    axis.set_xticks(range(len(rows)), [row["method"] for row in rows], fontsize=11)
    axis.set_ylabel("accuracy, %")
    axis.set_ylim(0, max(row[key] for row in rows for key in colours) * 1.18)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, ncols=3, fontsize=9, loc="upper center")


if __name__ == "__main__":
    sys.exit(main())
