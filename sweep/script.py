"""What scripts/run.sh runs: python -m sweep.script KIND TRAINER ARGUMENTS [KEY VALUE ...]

From the environment: DATA, the folder of the datasets (needed); CFG, another method file; LOADEP, the epoch that tests load
(default: the last of the method file). A run that is finished is not run again.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from promptsrc.command import one_line
from runs import layout, protocols
from runs.layout import SEEDS
from runs.protocols import Job, Method


def main(argv: Sequence[str] | None = None) -> int:
    """0, or the exit code of the run that failed; 2 for a command that cannot be meant."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return protocols.run_in_turn(jobs_of(words))
    except ValueError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2


def jobs_of(words: Sequence[str]) -> list[Job]:
    """The runs that a script stands for.

    Raises:
        ValueError: a script that isn't, arguments that are missing or no numbers, or no DATA.
    """
    if len(words) < 2 or words[0] not in KINDS:
        raise ValueError(
            f"usage: scripts/run.sh KIND TRAINER ARGUMENTS [KEY VALUE ...]; KIND is one of {', '.join(KINDS)}"
        )
    kind, trainer = words[:2]
    names, build = KINDS[kind]
    values = words[2 : 2 + len(names)]
    if len(values) < len(names):
        raise ValueError(
            f"{kind} takes {' '.join(names)} [KEY VALUE ...]; {names[len(values)]} is missing"
        )
    if not os.environ.get("DATA"):
        raise ValueError(
            "set DATA to the folder that holds the datasets, e.g. DATA=/path/to/datasets bash ..."
        )
    method = Method(
        trainer,
        os.environ["DATA"],
        configs=os.environ.get("CFG", ""),
        pairs=tuple(words[2 + len(names) :]),
        load_epoch=_value("LOADEP", os.environ["LOADEP"]) if os.environ.get("LOADEP") else None,
    )
    return build(method, *(_value(name, value) for name, value in zip(names, values, strict=True)))


def _value(name: str, text: str) -> str | int | Path:
    if name in ("SEED", "SHOTS", "N_CTX", "LOADEP"):
        if not text.isdecimal():
            raise ValueError(f"{name} is {text!r}; it takes a whole number, 0 or above")
        return int(text)
    return Path(text) if name == "WEIGHTS" else text


def _few_shot(method: Method, dataset: str, shots: int) -> list[Job]:
    return [protocols.few_shot(method, dataset, seed, shots) for seed in SEEDS]


def _reproduce_base2new(method: Method, dataset: str, seed: int, weights: Path) -> list[Job]:
    model = weights / "base" / f"seed{seed}"
    return [protocols.base2new_test(method, dataset, seed, half, model) for half in ("base", "new")]


def _reproduce_few_shot(method: Method, dataset: str, shots: int, weights: Path) -> list[Job]:
    folder = weights / f"{shots}shot"
    return [
        protocols.few_shot_test(method, dataset, seed, shots, folder / f"seed{seed}")
        for seed in SEEDS
    ]


def _coop(
    method: Method, dataset: str, config: str, position: str, n_ctx: int, shots: int, csc: str
) -> list[Job]:
    """Few-shot with the context as stated: CLASS_TOKEN_POSITION, N_CTX, and CSC (True or False)."""
    method = _with_context(method, config, position, n_ctx, csc)
    setting = method.setting("few-shot", dataset, shots)
    tail = (dataset, method.trainer, setting.file.stem, shots)
    variant = f"nctx{n_ctx}_csc{csc}_ctp{position}"
    places = {seed: layout.all_classes(*tail, seed, variant) for seed in SEEDS}
    data = ("DATASET.NUM_SHOTS", str(shots))
    return [method.train(folder, setting, dataset, seed, *data) for seed, folder in places.items()]


def _coop_eval(method: Method, dataset: str, config: str) -> list[Job]:
    method = _with_context(method, config, "end", 16, "False")
    return [_of_imagenet(method, dataset, seed) for seed in SEEDS]


def _with_context(method: Method, config: str, position: str, n_ctx: int, csc: str) -> Method:
    pairs = {"N_CTX": n_ctx, "CSC": csc, "CLASS_TOKEN_POSITION": position}
    stated = tuple(
        str(word) for key, value in pairs.items() for word in (f"TRAINER.COOP.{key}", value)
    )
    return replace(method, configs=method.configs or config, pairs=(*stated, *method.pairs))


def _of_imagenet(method: Method, dataset: str, seed: int) -> Job:
    return protocols.transfer(method, dataset, seed, protocols.source(method, seed).folder)


def _zero_shot(method: Method, dataset: str, config: str) -> list[Job]:
    method = replace(method, configs=method.configs or config)
    return [method.zero_shot(dataset, method.setting("cross-dataset", dataset))]


KINDS: dict[str, tuple[tuple[str, ...], Callable[..., list[Job]]]] = {
    "base2new_train": (("DATASET", "SEED"), lambda *args: protocols.base2new(*args)[:1]),
    "base2new_test": (("DATASET", "SEED"), lambda *args: protocols.base2new(*args)[1:]),
    "few_shot": (("DATASET", "SHOTS"), _few_shot),
    "xd_train": (
        ("DATASET", "SEED"),
        lambda method, dataset, seed: [protocols.source(method, seed, dataset)],
    ),
    "xd_test": (("DATASET", "SEED"), lambda *args: [_of_imagenet(*args)]),
    "reproduce_base2new": (("DATASET", "SEED", "WEIGHTS"), _reproduce_base2new),
    "reproduce_few_shot": (("DATASET", "SHOTS", "WEIGHTS"), _reproduce_few_shot),
    "reproduce_xd": (
        ("DATASET", "SEED", "WEIGHTS"),
        lambda method, dataset, seed, weights: [
            protocols.transfer(method, dataset, seed, weights / f"seed{seed}")
        ],
    ),
    "coop_main": (("DATASET", "CFG", "CTP", "N_CTX", "SHOTS", "CSC"), _coop),
    "coop_eval": (("DATASET", "CFG"), _coop_eval),
    "zeroshot": (("DATASET", "CFG"), _zero_shot),
}


if __name__ == "__main__":
    sys.exit(main())
