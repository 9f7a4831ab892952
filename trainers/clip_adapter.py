"""CLIP-Adapter: a bottleneck on image features (IJCV, arXiv 2110.04544).

The ratio is searched for each dataset in the paper; here it is 0.2, as in its code, for all.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from promptsrc.adapters import BottleneckAdapter
from trainers.features import FeatureTrainer


@TRAINER_REGISTRY.register()
class CLIPAdapter(FeatureTrainer):
    node = "CLIP_ADAPTER"
    registered_as = "clip_adapter"
    learner = BottleneckAdapter
    prec = "fp32"

    def prompt_settings(self) -> dict[str, Any]:
        [template] = self.templates
        ratio, reduction = self.settings.RATIO, self.settings.REDUCTION
        return {"template": template, "ratio": ratio, "reduction": reduction}
