from dassl.elsewhere import names_of
from dassl.engine.build import TRAINER_REGISTRY, build_trainer
from dassl.engine.trainer import SimpleNet, SimpleTrainer, TrainerBase, TrainerX, TrainerXU

from dassl.engine.dg import Vanilla  # isort: skip (they build on the trainers above)
from dassl.engine.ssl import FixMatch  # isort: skip

__all__ = [
    "TRAINER_REGISTRY",
    "FixMatch",
    "SimpleNet",
    "SimpleTrainer",
    "TrainerBase",
    "TrainerX",
    "TrainerXU",
    "Vanilla",
    "build_trainer",
]

__getattr__ = names_of(__name__)
