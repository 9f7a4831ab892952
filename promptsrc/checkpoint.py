"""Read checkpoints, ours and those of the reference implementations.

Theirs hold the whole model and a pickled schedule. Reading a file never runs code from it: besides
tensors and plain containers, it has `promptsrc.stand_ins` for a few classes.
"""

import hashlib
import io
import re
from collections.abc import Container, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from promptsrc.clip.tokens import name_tokens, same_names
from promptsrc.command import one_line
from promptsrc.run_folder import POINTER, pointer_lines
from promptsrc.schema import check_checkpoint
from promptsrc.stand_ins import stand_ins
from promptsrc.weights.pickles import REFUSED

if TYPE_CHECKING:
    from promptsrc.prompts import PromptLearner

# Prompts in any checkpoint; the rest of a reference file is CLIP, or belongs to its class names.
LEARNED = re.compile(
    r"(^|\.)(ctx|VPT|VPT_shallow)$|(^|prompt_learner\.)(proj|meta_net|compound_prompt\w+)\."
    r"|^(film_lp_(img|text)|linear_probe_proj)\."
)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The dict in a checkpoint file, on the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, holds other things than `promptsrc.schema` says, or objects that
            checkpoints do not need.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    content = _verified(path)
    try:
        with torch.serialization.safe_globals(stand_ins()):
            checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes raise any, even IndexError and struct.error
        refused = REFUSED.search(str(error))
        reason = f"it holds {refused[1]}, which is not loaded" if refused else one_line(error)[:200]
        raise ValueError(f"{path} is not a readable checkpoint ({reason})") from None
    try:
        check_checkpoint(checkpoint)
    except ValueError as error:
        raise ValueError(f"{path} is not a checkpoint: {error}") from None
    return checkpoint


def _verified(path: Path) -> bytes:
    """The content of a file, compared with its SHA-256 where our engine has written one.

    Raises:
        ValueError: the file is damaged.
    """
    before: set[str] = set()
    while True:
        content, known = path.read_bytes(), _known_sums(path)
        if not known or hashlib.sha256(content).hexdigest() in known:
            return content
        if known == before:
            raise ValueError(
                f"{path} is damaged: its SHA-256 is not the one that was saved in {POINTER}; "
                "restore or delete it"
            )
        before = known  # a run may have replaced the file between the two reads


def _known_sums(path: Path) -> set[str]:
    """Those in `checkpoint` (two while the file is replaced), or in a file of version 0.1."""
    lines = (line.partition("  ") for line in pointer_lines(path.parent)[1:])
    if known := {digest for digest, _, name in lines if name == path.name}:
        return known
    old = path.with_name(f"{path.name}.sha256")
    try:
        return {old.read_text(errors="replace").partition(" ")[0]}
    except FileNotFoundError:
        return set()


def learned_tensors(state: Mapping[str, Tensor], wanted: Container[str] = ()) -> dict[str, Tensor]:
    """The prompts in a state dict, and the wanted keys; without `module.` in front.

    KgCoOp's files hold the first half of a meta net, which it does not use.
    """
    state = {key.removeprefix("module."): value for key, value in state.items()}
    whole_net = any("meta_net.linear2." in key for key in state)
    learned = [key for key in state if LEARNED.search(key)]
    kept = {key for key in learned if whole_net or "meta_net." not in key}
    return {key: value for key, value in state.items() if key in kept or key in wanted}


def description_of(checkpoint: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a checkpoint of ours says its prompts are for; None for other implementations."""
    return checkpoint.get("trainer_state", {}).get("prompts")


def load_prompts(
    prompts: "PromptLearner",
    state: Mapping[str, Tensor],
    source: str | Path,
    description: Mapping[str, Any] | None = None,
) -> None:
    """Copy learned tensors into `prompts`; its `match_classes` finds those of its classes.

    Args:
        state: the tensors; with the frozen CLIP beside them, in files of other implementations.
        description: what a file of ours says about them. Without it class names are not known,
            and the number of classes has to be the same.

    Raises:
        ValueError: they do not fit (other method, depth, width or classes); one line says how.
    """
    names = (description or {}).get("classnames")
    if description is None:
        theirs = learned_tensors(state, wanted=prompts.state_dict())
    else:
        theirs = {key.removeprefix("module."): value for key, value in state.items()}
    trained = {name_tokens(name) for name in names or ()}
    prompts.are_trained = trained.issuperset(map(name_tokens, prompts.classnames))
    theirs = prompts.match_classes(theirs, names, source)
    mine, per_class = prompts.state_dict(), prompts.per_class
    differences = [f"{key} is missing" for key in mine if key not in theirs]
    differences += [f"{key} is not expected" for key in theirs if key not in mine]
    differences += [
        f"{key} is {tuple(theirs[key].shape)}, not {tuple(mine[key].shape)}"
        + (f" (one per class, for {prompts.classes_in(key, theirs)} classes)" * (key in per_class))
        for key in mine
        if key in theirs and theirs[key].shape != mine[key].shape
    ]
    differences += [
        f"{key} is {theirs[key].dtype}"
        for key in mine
        if key in theirs and not theirs[key].is_floating_point()
    ]
    if differences:
        raise ValueError(
            f"{source} does not fit this method and its settings: {'; '.join(differences)}"
        )
    if spoiled := [key for key, value in theirs.items() if not value.isfinite().all()]:
        raise ValueError(f"{source} has NaN or Inf in {', '.join(spoiled)}; train again")
    if prompts.per_class and names is None:
        print(
            f"Note: {source} has learned something for each class and does not name them; it is "
            "taken in the order of the names given here"
        )
    prompts.load_state_dict(theirs)


def check_classes(
    prompts: "PromptLearner", checkpoint: Mapping[str, Any], source: str | Path
) -> None:
    """Refuse to resume a training on other classes; files that do not say theirs pass.

    Raises:
        ValueError: the class names or their order differ.
    """
    names = (description_of(checkpoint) or {}).get("classnames", prompts.classnames)
    if not same_names(names, prompts.classnames):
        pairs = zip_longest(names, prompts.classnames)
        pair = next(pair for pair in pairs if None in pair or not same_names(*zip(pair)))
        there, here = ("no more" if name is None else repr(name) for name in pair)
        raise ValueError(
            f"{source} was trained on other classes (there: {there}, here: {here}); use another "
            "--output-dir, or the classes of that run"
        )


def among(trained_on: Sequence[str] | None, tested: Sequence[str]) -> str:
    """Which of the classes trained on a test chooses among; empty for all, or if unknown."""
    if trained_on is None or same_names(trained_on, tested):
        return ""
    trained = {name_tokens(name) for name in trained_on}
    known = sum(name_tokens(name) in trained for name in tested)
    total, classes = len(trained_on), f"{len(tested)} class{'es' * (len(tested) != 1)}"
    if known < len(tested):
        return f"among {classes}, {known or 'none'} of them among the {total} trained"
    return f"among {known} of the {total} trained classes" if known < total else ""


def check_purpose(theirs: Mapping[str, Any], mine: Mapping[str, Any], source: str | Path) -> None:
    """Check that prompts to start from are for the same CLIP and enter it in the same way.

    Raises:
        ValueError: backbone, learner or its settings differ, but for the number of classes.
    """
    here, there = (
        {key: entry[key] for key in ("backbone", "learner")}
        | {key: value for key, value in entry["settings"].items() if key != "classes"}
        for entry in (mine, theirs)
    )
    if changed := [key for key in here | there if here.get(key) != there.get(key)]:
        key = changed[0]
        raise ValueError(
            f"{source} was trained with other settings: {key} (there: {there.get(key)!r}, here: "
            f"{here.get(key)!r}); set the same here, or start from other prompts"
        )
