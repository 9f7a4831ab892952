"""TensorBoard's log of a run. It is written by a thread, whose failure the next call raises."""

import os.path as osp
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from dassl.utils.tools import mkdir_if_missing


class RunWriter(SummaryWriter):
    """
    Raises:
        OSError: by each call, in one line: the log can't be written, or its folder is gone.
    """

    def __init__(self, log_dir: str):
        mkdir_if_missing(log_dir)
        super().__init__(log_dir=log_dir)
        if not isinstance(threading.excepthook, _WithoutTensorBoard):
            threading.excepthook = _WithoutTensorBoard(threading.excepthook)

    def add_scalar(self, *args: Any, **options: Any) -> None:
        with self._named():
            super().add_scalar(*args, **options)

    def close(self) -> None:
        with self._named():
            self.flush()  # raises what the thread has met; `close` does not
            super().close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if osp.isdir(self.log_dir):
                reason = error.strerror or error
                raise OSError(
                    f"TensorBoard's log in {self.log_dir} can't be written ({reason}); free some "
                    "space, then start again"
                ) from error
        if not osp.isdir(self.log_dir):
            raise FileNotFoundError(
                f"{self.log_dir} is gone: the output folder was deleted or moved during the run; "
                "start it again"
            )


class _WithoutTensorBoard:
    """Shows the failures of threads, but for those that a writer raises."""

    def __init__(self, before: Callable[[Any], Any]):
        self.before = before

    def __call__(self, failure: threading.ExceptHookArgs) -> None:
        ours = type(failure.thread).__module__.startswith("tensorboard")
        if not ours or not isinstance(failure.exc_value, OSError):
            self.before(failure)
