"""Methods on the embedded datasets: accuracy on base classes, new classes, and the harmonic mean.

    python demo.py              zero-shot CLIP, IVLP and PromptSRC, seeds 1 to 3, into output/demo
    python demo.py --compare    every method, seed 1, into output/compare

Writes table.json, table.md and figure.png next to the folders of the runs.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from promptsrc.command import Parser, exit_code, stop_like_ctrl_c
from runs.settings import trainers
from tools.embedded import figure, study, tables

METHODS, SEEDS = ("ZeroshotCLIP", "IVLP", "PromptSRC"), (1, 2, 3)


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--compare", action="store_true", help="every method")
    parser.add_argument("--output-dir", type=Path, default=Path("output"), help="default: output")
    args = parser.parse_args(argv)
    output = args.output_dir / ("compare" if args.compare else "demo")
    methods, seeds = (trainers(), SEEDS[:1]) if args.compare else (METHODS, SEEDS)

    def work() -> None:
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        rows = study.measured(methods, seeds, output)
        table = (tables.by_method if args.compare else tables.by_dataset)(rows)
        (output / "table.json").write_text(json.dumps(rows, indent=2) + "\n")
        (output / "table.md").write_text(table)
        (figure.draw_methods if args.compare else figure.draw_effect)(rows, output / "figure.png")
        print(f"\n{table}\nwritten to {output}: table.md, table.json, figure.png")

    return exit_code(work)


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
