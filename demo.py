"""Methods on the embedded benchmark: base classes, new classes and their harmonic mean.

    python demo.py              zero-shot CLIP, IVLP and PromptSRC into output/demo
    python demo.py --compare    every method into output/compare

Writes table.json, table.md and figure.png, and the runs below base2new. Seed 1.
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from promptsrc.checkpoint import find, read_checkpoint
from promptsrc.command import Parser
from runs.arguments import parse_args
from runs.embedded import DATASET, ROOT, harmonic_mean, jobs, with_defaults
from runs.protocols import call, train_command

METHODS = ("ZeroshotCLIP", "IVLP", "PromptSRC")
ALL_METHODS = (
    "ZeroshotCLIP",
    "ZeroshotCLIP2",
    "CoOp",
    "CoCoOp",
    "VPT",
    "MaPLe",
    "IVLP",
    "PromptSRC",
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--compare", action="store_true", help="every method")
    parser.add_argument(
        "--output-dir", type=Path, default=Path("output"), help="folder for demo or compare"
    )
    args = parser.parse_args(argv)
    output = args.output_dir / ("compare" if args.compare else "demo")
    methods = ALL_METHODS if args.compare else METHODS
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    rows = [measure(method, output) for method in methods]
    table = markdown(rows)
    (output / "table.json").write_text(json.dumps(rows, indent=2) + "\n")
    (output / "table.md").write_text(table)
    draw(rows, output / "figure.png")
    print(f"\n{table}\nwritten to {output}: table.md, table.json, figure.png")
    return 0


def measure(method: str, output: Path) -> dict[str, str | float]:
    """Train on the base classes, test on base and new: accuracies in percent, numbers that were trained, and seconds.

    Raises:
        SystemExit: a run failed; it has said why.
    """
    words = ["--trainer", method, "--output-dir", str(output)]
    started = time.time()
    if code := call(train_command(words)):
        raise SystemExit(code)
    seconds = time.time() - started
    base, new = jobs(with_defaults(parse_args(words)))
    accuracies = {"base": base.accuracy(), "new": new.accuracy()}
    accuracies["hm"] = harmonic_mean(*accuracies.values())
    rounded = {name: round(value, 1) for name, value in {**accuracies, "seconds": seconds}.items()}
    return {"method": method, **rounded, "parameters": trained_numbers(base.folder)}


def trained_numbers(folder: Path) -> int:
    """How many parameters a run has trained; zero-shot CLIP has no checkpoint, so none."""
    try:
        state = read_checkpoint(find(folder))["state_dict"]
    except FileNotFoundError:
        return 0
    return sum(value.numel() for value in state.values())


def markdown(rows: list[dict]) -> str:
    lines = [
        "| method | base | new | harmonic mean | trained numbers | seconds |",
        "|---|---|---|---|---|---|",
    ]
    row_format = "| {method} | {base:.1f} | {new:.1f} | {hm:.1f} | {parameters:,} | {seconds:.0f} |"
    return "\n".join([*lines, *(row_format.format(**row) for row in rows)]) + "\n"


def draw(rows: list[dict], path: Path) -> None:
    """One drawing a class above, the accuracies below."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(10, 5.6), dpi=150)
    strip, chart = figure.subfigures(2, 1, height_ratios=[1, 2])
    examples = _one_a_class()
    for axis, (path_, name) in zip(
        strip.subplots(2, (len(examples) + 1) // 2).flat, examples, strict=False
    ):
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
    names, numbers = (11, 9) if len(rows) <= 4 else (9, 7.5)  # font sizes
    colours, width = {"base": "#3b6ea8", "new": "#e08b3e", "hm": "#5d6b78"}, 0.26
    labels = {
        "base": "base classes (trained on)",
        "new": "new classes (never trained on)",
        "hm": "harmonic mean",
    }
    for k, (key, colour) in enumerate(colours.items()):
        positions = [i + (k - 1) * width for i in range(len(rows))]
        bars = axis.bar(
            positions, [row[key] for row in rows], width * 0.94, color=colour, label=labels[key]
        )
        axis.bar_label(bars, fmt="%.1f", fontsize=numbers, padding=2)
    axis.set_xticks(range(len(rows)), [row["method"] for row in rows], fontsize=names)
    axis.set_ylabel("accuracy, %")
    axis.set_ylim(0, max(row[key] for row in rows for key in colours) * 1.18)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, ncols=3, fontsize=9, loc="upper center")


if __name__ == "__main__":
    sys.exit(main())
