"""What a process has one of, for the runs of a pack: standard streams and random generators.

NumPy takes 70 microseconds each to read and to set its generator, PyTorch and Python two. A pack
changes between its runs several times a step, so NumPy's words are copied as they lie in memory.
"""

import ctypes
import random
import sys
from typing import Any

import numpy as np
import torch

MT19937 = 624 * 4 + 4  # bytes: words, and the position among them


class ProcessState:
    """The state of the process when it was last `take`n; `put` makes it the process's again."""

    _spare = False  # whether NumPy's generator holds half of a pair of normal deviates

    def __init__(self) -> None:
        self._numpy: Any = np.random.get_state()
        self._words = self._read()
        self.take()

    def take(self) -> None:
        self.streams = sys.stdout, sys.stderr
        self._others = random.getstate(), torch.get_rng_state(), _cuda_states()
        if (words := self._read()) != self._words or self._numpy[3]:
            self._words, self._numpy = words, np.random.get_state()
        ProcessState._spare = bool(self._numpy[3])

    def put(self) -> None:
        sys.stdout, sys.stderr = self.streams
        python, pytorch, cuda = self._others
        random.setstate(python)
        torch.set_rng_state(pytorch)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        if self._numpy[3] or ProcessState._spare:
            np.random.set_state(self._numpy)
        else:
            ctypes.memmove(_address(), self._words, MT19937)
        ProcessState._spare = bool(self._numpy[3])

    @staticmethod
    def _read() -> bytes:
        return ctypes.string_at(_address(), MT19937)


def _address() -> int:
    generator: Any = np.random.get_bit_generator()  # type: ignore[attr-defined]
    return generator.ctypes.state_address


def _cuda_states() -> list[torch.Tensor]:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
