"""How many runs fit into memory at a time: `--pack auto`.

The model: a run stores, for its backward pass, STORED float32 values of a tower's width for each
token and block, of a batch of images and of all class texts. CLIP and the process are there once,
and SHARE of the free memory is used, since calls need some in between. Four runs of PromptSRC on
ViT-B/16 with 50 classes take 2.78 GiB, one 1.33 (benchmarks/RESULTS.md): 0.48 a run, here 0.51.
Methods without image prompts, and half precision, take less than that.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from datasets.check.published import PUBLISHED
from promptsrc.clip.chunks import STORED, memory_of
from promptsrc.weights.names import BUNDLED, VOCABULARY
from runs.job import Job
from sweep.packs import packs
from trainers.memory import GIB

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
MOST = 8  # more runs make a step no faster, and each waits for all
SHARE = 0.7
PROCESS = GIB  # of Python, PyTorch and a GPU's context
FLOAT = 4  # bytes
TOKENS_OF_A_TEXT = 8  # not shared by all classes
CLASSES = 1000  # of a dataset that is not a published one


class Towers(NamedTuple):
    """Sizes of a CLIP."""

    tokens: int  # of an image
    width: int
    blocks: int
    text_width: int
    text_blocks: int

    @property
    def weights(self) -> int:
        """Bytes."""
        image, text = self.blocks * self.width**2, self.text_blocks * self.text_width**2
        return FLOAT * (12 * (image + text) + VOCABULARY * self.text_width)

    def stored(self, images: int, classes: int) -> int:
        """Bytes of a step."""
        image = images * self.tokens * self.width * self.blocks
        text = classes * TOKENS_OF_A_TEXT * self.text_width * self.text_blocks
        return FLOAT * STORED * (image + text)


LARGEST = "ViT-L/14@336px"  # in the place of those that are not listed
TOWERS = {
    **dict.fromkeys(BUNDLED, Towers(37, 128, 6, 128, 4)),
    "ViT-B/32": Towers(50, 768, 12, 512, 12),
    "ViT-B/16": Towers(197, 768, 12, 512, 12),
    "ViT-L/14": Towers(257, 1024, 24, 768, 12),
    LARGEST: Towers(577, 1024, 24, 768, 12),
}


def most(jobs: Sequence[Job], workers: Sequence[Mapping[str, str]]) -> tuple[int, str]:
    """How many runs a pack may have, and why.

    Args:
        workers: the environment variables of each; equal ones share a GPU, or the machine.
    """
    each, what, once = max(size_of(first) for first, *_ in packs(jobs, MOST))
    free = min(free_memory(worker) // workers.count(worker) for worker in workers)
    found = max(1, min(MOST, int((SHARE * free - once) / each)))
    room = f"{each / GIB:.2f} GiB each ({what}), {free / GIB:.1f} GiB free"
    return found, f"at most {found} runs in a pack: about {room}"


def size_of(job: Job) -> tuple[int, str, int]:
    """Bytes of the run, what they follow from, and bytes that all runs of its pack share."""
    cfg = job.config()
    name, batch = cfg.MODEL.BACKBONE.NAME, cfg.DATALOADER.TRAIN_X.BATCH_SIZE
    data = PUBLISHED.get(cfg.DATASET.NAME)
    classes = data.classes if data else CLASSES
    if cfg.DATASET.SUBSAMPLE_CLASSES != "all":
        classes = -(-classes // 2)
    towers = TOWERS.get(name, TOWERS[LARGEST])
    counted = name if name in TOWERS else f"{name}, counted as {LARGEST}"
    what = f"{counted}, batch {batch}, {classes} classes"
    return towers.stored(batch, classes), what, towers.weights + PROCESS


def free_memory(worker: Mapping[str, str]) -> int:
    """Bytes that are free on a worker's GPU, or else in the machine.

    Raises:
        OSError: the GPU can't be used, since it is full, or another process has it alone.
    """
    if not torch.cuda.device_count():
        return available()
    code = "import torch; print(torch.cuda.mem_get_info()[0])"  # the context ends with the process
    command, environment = [sys.executable, "-c", code], os.environ | dict(worker)
    try:
        pipe = subprocess.PIPE
        return int(subprocess.check_output(command, env=environment, text=True, stderr=pipe))
    except subprocess.CalledProcessError as error:
        *_, reason = ("no reason", *error.stderr.split("\n\n")[0].strip().splitlines())
        gpu = worker.get("CUDA_VISIBLE_DEVICES", "")
        raise OSError(f"GPU {gpu} can't be used ({reason}); free it, or give --pack N") from None


def available() -> int:
    """Bytes that new processes can take; without Linux's /proc half of the machine's.

    At most what the limit of a container or a Slurm job (cgroup version 2) leaves.
    """
    found = memory_of(torch.device("cpu")) // 2
    for line in MEMINFO.read_text().splitlines() if MEMINFO.is_file() else ():
        if line.startswith("MemAvailable:"):
            found = int(line.split()[1]) * 1024
    limit, taken = CGROUP / "memory.max", CGROUP / "memory.current"
    if limit.is_file() and (most := limit.read_text().strip()) != "max":
        found = min(found, max(int(most) - int(taken.read_text()), 0))
    return found
