"""KgCoOp: the class features in the data set's own template, and the distance to them."""

from collections.abc import Mapping
from typing import Any

from promptsrc.clip.text import tokenize
from promptsrc.clip.tokens import readable
from promptsrc.templates import DEFAULT, KGCOOP
from tests.parity.training import Replay


def teacher_tokens(templates: Mapping[str, str], trainer: Any) -> Any:
    """Token ids (C, 77) of the frozen class texts."""
    template = templates.get(trainer.cfg.DATASET.NAME, DEFAULT)
    return tokenize([template.replace("{}", readable(name)) for name in trainer.classnames])


class KgCoOpReplay(Replay, trainers=("KgCoOp",)):
    def targets(self, trainer: Any) -> dict[str, Any]:
        found = {"teacher_tokens": teacher_tokens(KGCOOP, trainer)}
        return super().targets(trainer) | found | {"step0_teacher_text": trainer.target}
