"""Vectors of each class's own, made of its frozen text feature (TCP, arXiv 2311.18231).

block 0   [SOS] [v_1] ... [v_4] [name_c], a type of pet. [EOT]      v: shared by all classes
block 8   [SOS] [q_c1] ... [q_c4] ...      q_c = net(u_c),  u_c: unit feature of a frozen text of c

New classes get vectors of their own from the same net.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from promptsrc.clip.openai import CLIP, QuickGELU
from promptsrc.clip.text import Texts, embed
from promptsrc.clip.tokens import readable
from promptsrc.clip.vectors import Vectors
from promptsrc.clip.zeroshot import ensemble_features
from promptsrc.prompts.learner import PromptLearner, first_layer

VECTORS = 4  # the templates have as many placeholders
BOTTLENECK = 4  # the net's hidden layer is that many times narrower than the feature
BLOCK = 8  # where the vectors of each class enter, counted from 0


class ClassAwarePrompts(PromptLearner):
    """A context `ctx` (4, W), and `meta_net`, which makes each class's vectors of its feature.

    In a tower of 8 blocks or fewer they enter after two thirds, as they do in CLIP's 12.

    Args:
        text_template: the text of a class; its first four tokens are replaced by the context.
        frozen_template: the text that the net reads, through plain CLIP.
        ctx_init: words that the context starts from.

    Raises:
        ValueError: fewer words than vectors.
    """

    frozen: Tensor  # u (C, D)

    def __init__(
        self,
        clip: CLIP,
        classnames: Sequence[str],
        text_template: str,
        frozen_template: str,
        ctx_init: str = "",
    ):
        super().__init__(classnames)
        self.template, self.prefix = text_template, text_template.partition(" {}")[0]
        _, self.ctx = first_layer(clip, VECTORS, ctx_init)
        width, features = clip.text_projection.shape
        blocks = clip.transformer.layers
        self.block = BLOCK if blocks > BLOCK else 2 * blocks // 3
        hidden = features // BOTTLENECK
        layers = {
            "linear1": nn.Linear(features, hidden),
            "gelu": QuickGELU(),
            "linear2": nn.Linear(hidden, VECTORS * width),
        }
        self.meta_net = nn.Sequential(OrderedDict(layers))
        frozen = ensemble_features(clip, self.classnames, [frozen_template])
        self.register_buffer("frozen", frozen, persistent=False)  # not part of a checkpoint

    @property
    def text(self) -> Vectors:
        of_classes = self.meta_net(self.frozen).unflatten(-1, (VECTORS, -1))  # (C, 4, W)
        return {0: self.ctx, self.block: of_classes}

    def texts(self, clip: CLIP) -> Texts:
        """The template with each name, its first four tokens for the context."""
        texts = [self.template.replace("{}", readable(name)) for name in self.classnames]
        return embed(clip, texts, VECTORS)
