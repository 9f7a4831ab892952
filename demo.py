"""Methods on the bundled dataset: accuracy on base classes, new classes, and the harmonic mean.

    python demo.py              zero-shot CLIP, IVLP and PromptSRC into output/demo
    python demo.py --compare    every method into output/compare

Writes table.json, table.md and figure.png next to the folders of the runs. Seed 1.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from promptsrc.command import Parser, exit_code, stop_like_ctrl_c
from runs.embedded import DATA, DATASET, measure
from runs.settings import trainers
from tools.embedded.figure import draw, table

METHODS = ("ZeroshotCLIP", "IVLP", "PromptSRC")


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--compare", action="store_true", help="every method")
    parser.add_argument("--output-dir", type=Path, default=Path("output"), help="default: output")
    args = parser.parse_args(argv)
    output = args.output_dir / ("compare" if args.compare else "demo")

    def work() -> None:
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        rows = [measure(method, output) for method in (trainers() if args.compare else METHODS)]
        (output / "table.json").write_text(json.dumps(rows, indent=2) + "\n")
        (output / "table.md").write_text(table(rows))
        draw(rows, DATA / DATASET, "split_zhou_Emoji.json", output / "figure.png")
        print(f"\n{table(rows)}\nwritten to {output}: table.md, table.json, figure.png")

    return exit_code(work)


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
