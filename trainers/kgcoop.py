"""KgCoOp: knowledge-guided context optimization (CVPR 2023, arXiv 2303.13283).

CoOp, with each class's text feature g_c pulled to that of a hand-written text of the class, g0_c:
L = L_CE + W (1 - (1/C) sum_c cos(g_c, g0_c)), over all classes in each step.
"""

from typing import ClassVar

from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.zeroshot import ensemble_features
from promptsrc.cosine import cosine_distance
from promptsrc.model import Encoded
from promptsrc.templates import DEFAULT, KGCOOP
from trainers.coop import CoOp
from trainers.keys import WORDS
from trainers.words import words_of


@TRAINER_REGISTRY.register()
class KgCoOp(CoOp):
    unused: ClassVar[tuple[str, ...]] = ("CLASS_TOKEN_POSITION",)

    @property
    def words(self) -> str:
        return words_of(self.settings, WORDS)

    def build_targets(self, frozen: FrozenCLIP) -> None:
        template = KGCOOP.get(self.cfg.DATASET.NAME, DEFAULT)
        self.target = ensemble_features(frozen.clip, self.classnames, [template])  # g0 (C, D)

    def losses(self, student: Encoded, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        losses = super().losses(student, images, labels)
        losses["loss_kg"] = self.settings.W * cosine_distance(student.text, self.target)
        return losses
