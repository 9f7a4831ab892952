"""Pre-train the tiny CLIP from scratch: python -m tools.embedded.pretrain WORK

Contrastive, as CLIP (arXiv 2103.00020). Each process has one thread and its own batch; gradients
are averaged. It never sees an image of the embedded datasets, nor a concept of data/emoji in a
drawing of its vendors or their kin. Writes WORK/clip.pt every 200 steps.
"""

import json
import math
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import Tensor, nn

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import Texts, tokenize
from promptsrc.clip.towers import encode_image, encode_text
from promptsrc.command import Parser
from promptsrc.files import replacing
from promptsrc.templates import DEFAULT, TEACHER
from tools.embedded.augment import augment
from tools.embedded.captions import GROUPS, NAMED_BY_TAGS, SHORT, Captions
from tools.embedded.command import check
from tools.embedded.concepts import CLASSES, concept_of
from tools.embedded.evaluate import DOMAINS, accuracies
from tools.embedded.muon import Muon

SIZES = {
    "embed_dim": 128,
    "image_resolution": 48,
    "vision_layers": 6,
    "vision_width": 128,
    "vision_patch_size": 8,
    "context_length": 77,
    "transformer_width": 128,
    "transformer_heads": 2,
    "transformer_layers": 4,
}
BATCH = 192  # per process
KEPT_PATCHES = 18  # of 36, for this share of the steps, then all
PARTIAL = 0.85
MUON_LR, ADAM_LR, DECAY = 2e-3, 1.5e-3, 0.1
SHARES = {  # of the samples: from the emoji classes evenly, and from each kind of picture
    "classes": 0.25,
    "emoji": 0.2,
    "icons": 0.15,
    "clip-art": 0.07,
    "stamps": 0.07,
    "clothes": 0.14,
    "digits": 0.09,
    "letters": 0.03,
}
# Vendors whose drawings the emoji dataset has, and those that share drawings with them.
FAMILIES = {
    "noto",
    "noto-v1",
    "twemoji",
    "emojione",
    "fluent-flat",
    "fluent",
    "fluent-3d",
}
UNSEEN = {"openmoji", "fluent-high-contrast", "emojione-monotone"}  # of the outline dataset


def contrastive_loss(image: Tensor, text: Tensor, scale: Tensor, same: Tensor) -> Tensor:
    """CLIP's symmetric cross-entropy of unit features (B, D).

    Args:
        same: (B, B), 1 where captions are equal; these are positives.
    """
    logits = scale * image @ text.t()
    targets = same / same.sum(1, keepdim=True)
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.t(), targets)) / 2


def some_patches(clip: CLIP, images: Tensor, rng: torch.Generator) -> Tensor:
    """Image features (B, D) from CLS and KEPT_PATCHES random patches per image."""
    visual = clip.visual
    patches = visual.conv1(images).flatten(2).transpose(1, 2)  # (B, 36, W)
    patches = patches + visual.positional_embedding[1:]
    kept = torch.rand(patches.shape[:2], generator=rng).argsort(1)[:, :KEPT_PATCHES, None]
    patches = patches.gather(1, kept.expand(-1, -1, patches.shape[-1]))
    cls = (visual.class_embedding + visual.positional_embedding[0]).expand(len(images), 1, -1)
    x = visual.ln_pre(torch.cat([cls, patches], 1))
    x = visual.transformer(x.transpose(0, 1))  # position first
    return visual.ln_post(x[0]) @ visual.proj


class Drawings:
    """Batches of augmented pictures and captions, without the images of any downstream dataset."""

    def __init__(self, work: Path, rank: int):
        rows = json.loads((work / "drawings.json").read_text())
        held_out = set(json.loads((work / "held_out.json").read_text()))
        keep = [i for i, row in enumerate(rows) if not _is_held_out(row, held_out)]
        self.rgba = torch.from_numpy(_weighted(np.load(work / "drawings.npy")[keep]))
        self.mono = torch.tensor([rows[i]["mono"] for i in keep])
        self.written = torch.tensor([rows[i]["source"] in ("digits", "letters") for i in keep])
        self.captions = Captions([rows[i] for i in keep])
        self.rng = random.Random(1000 + rank)
        self.torch_rng = torch.Generator().manual_seed(1000 + rank)
        self.kinds = _kinds(self.captions)

    def batch(self) -> tuple[Tensor, list[str]]:
        """Images (B, 3, 48, 48) and their captions."""
        kinds = self.rng.choices([*self.kinds], [*SHARES.values()], k=BATCH)
        chosen = [self.rng.choice(self.rng.choice(self.kinds[kind])) for kind in kinds]
        flags = self.mono[chosen], self.written[chosen]
        images = augment(self.rgba[chosen], *flags, self.torch_rng)
        return images, [self.captions.draw(i, self.rng) for i in chosen]


def _is_held_out(row: dict, held_out: set[str]) -> bool:
    """Whether it is a concept of the emoji dataset as its vendors draw it, or of UNSEEN."""
    if row["source"] in FAMILIES:
        return concept_of(row["label"]) in held_out
    return row["source"] in UNSEEN


def _kinds(captions: Captions) -> dict[str, list[list[int]]]:
    """The pictures of each kind in SHARES, in lists that are drawn from evenly."""
    found: dict[str, dict[str, list[int]]] = {kind: {} for kind in SHARES}
    for i, (row, group) in enumerate(zip(captions.rows, captions.groups, strict=True)):
        source = row["source"]
        if source in NAMED_BY_TAGS:
            found[source].setdefault(row["label"], []).append(i)
            continue
        if captions.in_class[i]:
            found["classes"].setdefault(group, []).append(i)
        kind = source if source in SHARES else "emoji" if row["hexcode"] else "icons"
        found[kind].setdefault("", []).append(i)
    return {kind: [lists[name] for name in sorted(lists)] for kind, lists in found.items()}


def _weighted(rgba: np.ndarray) -> np.ndarray:
    """(N, 64, 64, 4) -> (N, 4, 64, 64), with the colours of transparent pixels set to 0."""
    shown = rgba[..., 3:] > 0
    return np.ascontiguousarray(np.where(shown, rgba, 0).transpose(0, 3, 1, 2))


class Vocabulary:
    """The tokens that captions may have, numbered from 0, so that a small embedding suffices."""

    def __init__(self, captions: Captions):
        texts = [*TEACHER, *SHORT, *CLASSES, *GROUPS.values(), "X , ."]
        for row in captions.rows:
            texts += [row["label"].replace(":", "").lower(), row["subgroup"], *row["tags"]]
        tokens = tokenize(sorted({text + mark for text in texts for mark in ("", ".", ",")}))
        self.ids = tokens.unique()
        self.number = torch.full((49408,), -1)
        self.number[self.ids.long()] = torch.arange(len(self.ids))

    def encode(self, clip: CLIP, texts: list[str]) -> Tensor:
        """Text features (B, D)."""
        tokens = tokenize(texts)
        eot = tokens.argmax(-1)
        numbers = self.number[tokens[:, : int(eot.max()) + 1].long()]
        rows = clip.token_embedding(numbers.clamp(min=0))
        if (unknown := numbers < 0).any():  # as the loader of the shipped file does
            rows = torch.where(unknown[..., None], clip.token_embedding.weight.mean(0), rows)
        no_slots = eot.new_empty(len(eot), 0)
        return encode_text(clip, Texts(numbers, eot, rows, no_slots))

    def of_names(self, clip: CLIP) -> Callable[[list[str]], Tensor]:
        """Class names -> features (C, D) of "a photo of a <name>."."""
        return lambda names: self.encode(clip, [DEFAULT.format(name) for name in names])


def train(rank: int, processes: int, steps: int, work: Path, meeting_point: Path) -> None:
    """The whole training, in process `rank`."""
    _share(rank, processes, meeting_point)
    torch.manual_seed(0)
    drawings = Drawings(work, rank)
    vocabulary = Vocabulary(drawings.captions)
    clip = CLIP(**SIZES, vocab_size=len(vocabulary.ids))
    optimizers = _optimizers(clip)
    parameters = list(clip.parameters())
    started = time.time()
    for step in range(steps):
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * _schedule(step / steps)
        loss = _loss(clip, vocabulary, drawings, step / steps)
        loss.backward()
        _average(parameters, processes)
        for optimizer in optimizers:
            optimizer.step()
        clip.zero_grad()
        clip.logit_scale.data.clamp_(max=math.log(100))
        if rank == 0 and ((step + 1) % 200 == 0 or step + 1 == steps):
            samples = (step + 1) * BATCH * processes
            content = {"model": clip.state_dict(), "ids": vocabulary.ids, "samples": samples}
            with replacing(work / "clip.pt") as part:
                torch.save(content, part)
            print(
                f"step {step + 1}/{steps} loss {loss.item():.3f} {_validated(clip, vocabulary)} "
                f"{time.time() - started:.0f} s",
                flush=True,
            )


def _validated(clip: CLIP, vocabulary: Vocabulary) -> str:
    """Zero-shot accuracy on the validation images of the embedded datasets, base/new."""
    found = (accuracies(clip, folder, "val", vocabulary.of_names(clip)) for folder in DOMAINS)
    pairs = (f"{each.base:.1f}/{each.new:.1f}" for each in found)
    return " ".join(f"{folder.name} {pair}" for folder, pair in zip(DOMAINS, pairs, strict=True))


def _share(rank: int, processes: int, meeting_point: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{meeting_point}", rank=rank, world_size=processes)


def _optimizers(clip: CLIP) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for the rest."""
    matrices = [p for name, p in clip.named_parameters() if "resblocks" in name and p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in clip.parameters() if id(p) not in chosen]
    decayed, plain_ = [p for p in others if p.ndim > 1], [p for p in others if p.ndim <= 1]
    adam = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": DECAY}, {"params": plain_, "weight_decay": 0.0}],
        lr=ADAM_LR,
        betas=(0.9, 0.98),
        foreach=True,
    )
    optimizers = [Muon(matrices, MUON_LR, weight_decay=DECAY), adam]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base"] = group["lr"]
    return optimizers


def _schedule(done: float) -> float:
    """Linear warm-up over 3 %, then a cosine to 0."""
    return min(done / 0.03 + 1e-3, 1.0) * (1 + math.cos(math.pi * done)) / 2


def _loss(clip: CLIP, vocabulary: Vocabulary, drawings: Drawings, done: float) -> Tensor:
    images, captions = drawings.batch()
    text = vocabulary.encode(clip, captions)
    if done > PARTIAL:
        image = encode_image(clip, images)
    else:
        image = some_patches(clip, images, drawings.torch_rng)
    number = {caption: i for i, caption in enumerate(captions)}
    ids = torch.tensor([number[caption] for caption in captions])
    same = (ids[:, None] == ids[None]).float()
    image, text = F.normalize(image, dim=-1), F.normalize(text, dim=-1)
    return contrastive_loss(image, text, clip.logit_scale.exp(), same)


def _average(parameters: list[nn.Parameter], processes: int) -> None:
    flat = torch.cat([p.grad.flatten() for p in parameters])
    dist.all_reduce(flat)
    flat /= processes
    offset = 0
    for p in parameters:
        p.grad.copy_(flat[offset : offset + p.numel()].view_as(p))
        offset += p.numel()


if __name__ == "__main__":
    parser = Parser(__doc__)
    parser.add_argument("work", metavar="WORK", type=Path, help="folder for files in between")
    parser.add_argument("--steps", type=int, default=6400, help="default: 6400")
    parser.add_argument("--processes", type=int, default=2, help="default: 2")
    args = parser.parse_args()
    check(parser, args.work, "drawings.npy", "held_out.json")
    with tempfile.TemporaryDirectory() as folder:
        shared = args.processes, args.steps, args.work, Path(folder, "meeting_point")
        mp.spawn(train, shared, nprocs=args.processes)
