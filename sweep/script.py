"""Run what a script of scripts/ stands for: scripts/run.sh calls this and lists the kinds.

Environment variables: DATA, the folder of the datasets (needed); CFG, another method file, or the
start of its name; LOADEP, the epoch that tests load (default: the last one). Finished runs are not
run again.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from promptsrc.command import Parser, checking_the_command, exit_code
from runs import layout, protocols
from runs.job import Job, run_in_turn
from runs.layout import SEEDS
from runs.protocols import Method, method_file


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: done. 2: an invalid command line. Otherwise that of the run that failed."""
    parser = Parser(__doc__, "scripts/run.sh")
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("trainer", metavar="TRAINER", help="name of the method")
    values = parser.add_argument("values", nargs=argparse.REMAINDER, metavar="ARGUMENTS")
    values.help = "those of the kind, then KEY VALUE pairs for the configuration of every run"
    args = parser.parse_args(argv)

    def work() -> int:
        with checking_the_command():
            jobs = jobs_of(args.kind, args.trainer, args.values)
        return run_in_turn(jobs)

    return exit_code(work)


def jobs_of(kind: str, trainer: str, values: Sequence[str]) -> list[Job]:
    """The runs that a script stands for.

    Raises:
        ValueError: an argument is missing or invalid, or DATA is not set.
    """
    names, build = KINDS[kind]
    if len(values) < len(names):
        missing = names[len(values)]
        raise ValueError(f"{kind} takes {' '.join(names)} [KEY VALUE ...]; {missing} is missing")
    given = dict(zip(names, values, strict=False))
    if not (root := os.environ.get("DATA")):
        raise ValueError("set DATA to the folder of the datasets: DATA=/path/to/datasets bash ...")
    config, epoch = os.environ.get("CFG") or given.get("CFG"), os.environ.get("LOADEP")
    method = Method(
        trainer,
        root,
        file=method_file(trainer, config) if config else None,
        pairs=tuple(values[len(names) :]),
        load_epoch=_whole("LOADEP", epoch) if epoch else None,
    )
    numbers = ("SEED", "SHOTS", "N_CTX")
    return build(method, *(_whole(n, v) if n in numbers else v for n, v in given.items()))


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{name} is {text!r}; it takes a whole number, 0 or above")
    return int(text)


def _few_shot(method: Method, dataset: str, shots: int) -> list[Job]:
    return [protocols.few_shot(method, dataset, seed, shots) for seed in SEEDS]


def _reproduce_base2new(method: Method, dataset: str, seed: int, weights: str) -> list[Job]:
    model = Path(weights, "base", f"seed{seed}")
    return [protocols.base2new_test(method, dataset, seed, half, model) for half in ("base", "new")]


def _reproduce_few_shot(method: Method, dataset: str, shots: int, weights: str) -> list[Job]:
    models = {seed: Path(weights, f"{shots}shot", f"seed{seed}") for seed in SEEDS}
    return [protocols.few_shot_test(method, dataset, s, shots, m) for s, m in models.items()]


def _reproduce_transfer(method: Method, dataset: str, seed: int, weights: str) -> list[Job]:
    return [protocols.transfer(method, dataset, seed, Path(weights, f"seed{seed}"))]


def _train_source(method: Method, dataset: str, seed: int) -> list[Job]:
    return [protocols.source(method, seed, dataset)]


def _test_transfer(method: Method, dataset: str, seed: int) -> list[Job]:
    model = protocols.source(method, seed).folder  # another script trains it
    return [protocols.transfer(method, dataset, seed, model)]


def _coop(
    method: Method, dataset: str, _: str, position: str, n_ctx: int, shots: int, csc: str
) -> list[Job]:
    """Few-shot with this context: CLASS_TOKEN_POSITION, N_CTX, and CSC (True or False)."""
    method = _with_context(method, position, n_ctx, csc)
    setting = method.setting("few-shot", dataset, shots)
    tail = (dataset, method.trainer, setting.file.stem, shots)
    variant = f"nctx{n_ctx}_csc{csc}_ctp{position}"
    folders = {seed: layout.all_classes(*tail, seed, variant) for seed in SEEDS}
    data = ("DATASET.NUM_SHOTS", str(shots))
    return [method.train(folder, setting, dataset, s, *data) for s, folder in folders.items()]


def _coop_eval(method: Method, dataset: str, _: str) -> list[Job]:
    method = _with_context(method, "end", 16, "False")
    return [job for seed in SEEDS for job in _test_transfer(method, dataset, seed)]


def _with_context(method: Method, position: str, n_ctx: int, csc: str) -> Method:
    keys = {"N_CTX": n_ctx, "CSC": csc, "CLASS_TOKEN_POSITION": position}
    pairs = (word for key, value in keys.items() for word in (f"TRAINER.COOP.{key}", str(value)))
    return replace(method, pairs=(*pairs, *method.pairs))


def _prograd(method: Method, dataset: str) -> list[list[Job]]:
    """ProGrad's base-to-new, which has 4 shots: by seed."""
    return [protocols.base2new(method, dataset, seed, 4) for seed in SEEDS]


def _weighted(method: Method, dataset: str, weight: str) -> list[list[Job]]:
    """Base-to-new of KgCoOp or TCP with weight W, part of the folders' names: by seed."""
    method = replace(method, weight=weight, pairs=("TRAINER.COOP.W", weight, *method.pairs))
    return [protocols.base2new(method, dataset, seed) for seed in SEEDS]


def _weighted_all(method: Method, weight: str, datasets: Sequence[str]) -> list[Job]:
    """Training and test on these datasets."""
    return [job for name in datasets for jobs in _weighted(method, name, weight) for job in jobs]


def _zero_shot(method: Method, dataset: str, _: str) -> list[Job]:
    return [method.zero_shot(dataset, method.setting("cross-dataset", dataset))]


# Kind: the names of its arguments, and its runs. CFG is read before.
KINDS: dict[str, tuple[tuple[str, ...], Callable[..., list[Job]]]] = {
    "base2new_train": (("DATASET", "SEED"), lambda *args: protocols.base2new(*args)[:1]),
    "base2new_test": (("DATASET", "SEED"), lambda *args: protocols.base2new(*args)[1:]),
    "few_shot": (("DATASET", "SHOTS"), _few_shot),
    "xd_train": (("DATASET", "SEED"), _train_source),
    "xd_test": (("DATASET", "SEED"), _test_transfer),
    "reproduce_base2new": (("DATASET", "SEED", "WEIGHTS"), _reproduce_base2new),
    "reproduce_few_shot": (("DATASET", "SHOTS", "WEIGHTS"), _reproduce_few_shot),
    "reproduce_xd": (("DATASET", "SEED", "WEIGHTS"), _reproduce_transfer),
    "coop_main": (("DATASET", "CFG", "CTP", "N_CTX", "SHOTS", "CSC"), _coop),
    "coop_eval": (("DATASET", "CFG"), _coop_eval),
    "prograd_train": (("DATASET",), lambda *args: [train for train, _ in _prograd(*args)]),
    "prograd_test": (("DATASET",), lambda *args: [test for _, test in _prograd(*args)]),
    "kgcoop_train": (("DATASET", "W"), lambda *args: [train for train, _ in _weighted(*args)]),
    "kgcoop_test": (("DATASET", "W"), lambda *args: [test for _, test in _weighted(*args)]),
    "kgcoop_run": ((), lambda method: _weighted_all(method, "8.0", protocols.ELEVEN[1:])),
    "tcp_run": ((), lambda method: _weighted_all(method, "1.0", protocols.ELEVEN)),
    "zeroshot": (("DATASET", "CFG"), _zero_shot),
}


if __name__ == "__main__":
    sys.exit(main())
