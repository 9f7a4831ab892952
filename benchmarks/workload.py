"""What is timed: a CLIP of any size with random weights, made-up class names, random images."""

import math
import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip import plain, towers
from promptsrc.clip.frozen import FrozenCLIP, Towers
from promptsrc.clip.openai import CLIP
from promptsrc.clip.precision import precision
from promptsrc.model import PromptedCLIP, ZeroShotCLIP
from promptsrc.prompts import DeepPrompts
from promptsrc.regulation import GaussianAggregation, SelfRegulation
from trainers.compiled import as_one_graph

# Each is one token of CLIP's, so a name of n words has n tokens.
WORDS = (
    "bird boat book bread bus car cat dog fish flower fox guitar horse house lamp moon shoe snake "
    "tree wolf"
)
PERCENT = {1: 14, 2: 28, 3: 27, 4: 17, 5: 9, 6: 5}  # of names, by number of tokens; mean 2.9


@dataclass(frozen=True)
class Shape:
    """Sizes of a CLIP and its prompts; by default ViT-B/16 and those published for PromptSRC."""

    embed: int = 512
    resolution: int = 224
    patch: int = 16
    image_width: int = 768
    text_width: int = 512
    layers: int = 12  # in either tower
    vectors: int = 4  # in either tower
    depth: int = 9  # in either tower


VIT_B16 = Shape()


@dataclass
class Side:
    """One way of training: ours or the plain implementation."""

    student: PromptedCLIP
    regulation: SelfRegulation
    optimizer: torch.optim.Optimizer

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Forward, cross-entropy and the three constraints, backward, optimizer."""
        loss = self.loss(images, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy and the three constraints."""
        encoded = self.student.encode(images)
        return F.cross_entropy(encoded.logits, labels) + sum(
            self.regulation.losses(encoded, images).values()
        )


def class_names(count: int) -> list[str]:
    """The same names in every run; a longer list starts with the shorter one."""
    rng, words = random.Random(0), WORDS.split()
    lengths = list(PERCENT), list(PERCENT.values())
    return [" ".join(rng.choices(words, k=rng.choices(*lengths)[0])) for _ in range(count)]


def random_clip(shape: Shape, device: torch.device) -> CLIP:
    """A frozen CLIP with the weights that `clip` starts from."""
    torch.manual_seed(0)
    clip = CLIP(
        embed_dim=shape.embed,
        image_resolution=shape.resolution,
        vision_layers=shape.layers,
        vision_width=shape.image_width,
        vision_patch_size=shape.patch,
        context_length=77,
        vocab_size=49408,
        transformer_width=shape.text_width,
        transformer_heads=shape.text_width // 64,
        transformer_layers=shape.layers,
    )
    clip.logit_scale.data.fill_(math.log(100))  # where CLIP's training ends
    return clip.to(device).eval().requires_grad_(False)


def batch(shape: Shape, classes: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images (size, 3, R, R) and labels (size,)."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(size, 3, shape.resolution, shape.resolution, generator=generator)
    return images.to(device), torch.randint(classes, (size,), generator=generator).to(device)


def ours(shape: Shape, names: list[str], device: torch.device, prec: str = "fp32") -> Side:
    """One CLIP for student and teacher."""
    frozen = frozen_clip(shape, device, prec)
    return side_of(frozen, frozen, shape, names)


def compiled(shape: Shape, names: list[str], device: torch.device, prec: str = "fp32") -> Side:
    """Ours with MODEL.COMPILE."""
    side = ours(shape, names, device, prec)
    side.loss = as_one_graph(side.loss, device)
    return side


def plain_side(shape: Shape, names: list[str], device: torch.device, prec: str = "fp32") -> Side:
    """The plain implementation, with one CLIP for the student and one for the teacher."""
    student, teacher = (frozen_clip(shape, device, prec, plain) for _ in range(2))
    return side_of(student, teacher, shape, names)


SIDES = {"ours": ours, "plain": plain_side}
WAYS = SIDES | {"compiled": compiled}


def frozen_clip(
    shape: Shape, device: torch.device, prec: str, forward: Towers = towers
) -> FrozenCLIP:
    frozen = FrozenCLIP(random_clip(shape, device), precision(prec, device), forward=forward)
    frozen.cast()
    return frozen


def side_of(student: FrozenCLIP, teacher: FrozenCLIP, shape: Shape, names: list[str]) -> Side:
    torch.manual_seed(2)
    device, sizes = student.precision.device, (shape.vectors, shape.depth)
    prompts = DeepPrompts(student.clip, names, *sizes, *sizes, "a photo of a").to(device)
    # constants in a step; benchmarks.teacher times how they are made
    features = torch.randn(len(names), shape.embed, device=device)
    taught = ZeroShotCLIP(teacher, features)
    regulation = SelfRegulation(taught, GaussianAggregation(20, mu=15, sigma=1))
    optimizer = torch.optim.SGD(prompts.parameters(), lr=0.0025, momentum=0.9, weight_decay=5e-4)
    return Side(prompts.student(student), regulation, optimizer)
