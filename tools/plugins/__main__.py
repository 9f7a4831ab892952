"""Runs the trainers of other people's repositories on the engine, and prints a table.

    python -m tools.plugins ../CoOp ../MaPLe --against ../Dassl.pytorch

Copies are run, unedited, on a few made images and a CLIP of random weights: trained for two epochs
and tested, evaluated on new classes, stopped after one epoch and resumed. `--against` does the same
on Dassl.pytorch, which runs on PyTorch 2.5: what fails there too is not the engine's failure.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from promptsrc.command import Parser, checking_the_command, exit_code
from tools.plugins.checkout import Checkout, copies
from tools.plugins.made import SIZES, make_data, make_weights
from tools.plugins.table import Row, table
from tools.plugins.tryout import Engine, Place, Result, probe, try_out

OURS = Path(__file__).parents[2] / "engine"
WIDTHS = re.compile("shape|size|dimension", re.IGNORECASE)  # of tensors that don't fit


class Bench:
    """Made data, weights and the engines that trainers are tried on."""

    def __init__(self, made: Path, work: Path, against: Path | None):
        self.work, self.data = work, made / "data"
        self.ours, self.theirs = Engine(OURS), Engine(against) if against else None
        make_data(self.data)
        self.made = made

    @cache  # noqa: B019 - one bench a process
    def weights(self, backbone: str, size: str) -> str:
        return make_weights(self.made / size, SIZES[backbone][size])

    def place(self, engine: Engine, checkout: Checkout, size: str, *parts: str) -> Place:
        """A fresh folder for the runs of one trainer."""
        work = self.work.joinpath(checkout.name, *parts)
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self.data, work / "data")
        return Place(engine, work / "data", self.weights(checkout.backbone, size), work)

    def row(self, checkout: Checkout, trainer: str) -> Row:
        """Try a trainer on a tiny CLIP; one that asks for ViT-B/16's widths gets them."""
        row = Row(checkout.name, checkout.commit, trainer, Result())
        for size in SIZES[checkout.backbone]:
            place = self.place(self.ours, checkout, size, trainer, "here")
            row.here = try_out(place, checkout, trainer)
            if not row.here.failed or not WIDTHS.search(row.here.failed.error):
                break
        if self.theirs:
            place = self.place(self.theirs, checkout, size, trainer, "there")
            row.there = try_out(place, checkout, trainer)
        return row

    def rows(self, checkout: Checkout, only: list[str] | None) -> Iterator[Row]:
        """A row for each trainer of the checkout, or one that says why none is found."""
        size = next(iter(SIZES[checkout.backbone]))
        probed = probe(self.place(self.ours, checkout, size, "probe"), checkout)
        if not checkout.trainers:
            row = Row(checkout.name, checkout.commit, "-", Result("no", failed=probed))
            if self.theirs:
                there = probe(self.place(self.theirs, checkout, size, "probe"), checkout)
                row.there = Result("yes" if checkout.trainers else "no", failed=there)
            yield row
            return
        for trainer in checkout.trainers:
            if not only or trainer in only:
                yield self.row(checkout, trainer)


def main() -> int:
    """Exit code: how many trainers fail, those left out that fail on Dassl.pytorch too."""
    parser = Parser(__doc__)
    parser.add_argument(
        "folders", metavar="DIR", nargs="+", type=Path, help="checkouts of plug-ins"
    )
    parser.add_argument("--against", metavar="DIR", type=Path, help="a checkout of Dassl.pytorch")
    parser.add_argument("--trainer", action="append", help="only this one; may be repeated")
    parser.add_argument("--work", type=Path, default="output/plugins", help="folder of the logs")
    arguments = parser.parse_args()
    with checking_the_command():
        checkouts = [
            checkout
            for folder in arguments.folders
            for checkout in copies(folder, arguments.work.resolve())
        ]
    rows = []
    with tempfile.TemporaryDirectory() as made:
        bench = Bench(Path(made), arguments.work.resolve(), arguments.against)
        for checkout in checkouts:
            for row in bench.rows(checkout, arguments.trainer):
                rows.append(row)
                print("  ".join(row.cells), flush=True)
    print(f"\n{table(rows)}")
    return min(sum(row.ours for row in rows), 100)


if __name__ == "__main__":
    sys.exit(exit_code(main))
