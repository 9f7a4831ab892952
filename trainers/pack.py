"""N runs in one process, one step for all of them; otherwise each run is what it is alone.

    run 1   set up ─┐        ┌─ losses ─┐          ┌─ update, log, save ─┐        ┌─ ...
    run 2   set up ─┤ towers ├─ losses ─┤ backward ├─ update, log, save ─┤ towers ├─ ...
    run N   set up ─┘        └─ losses ─┘          └─ update, log, save ─┘        └─ ...

Each run is a thread that works only when it has the turn, with random generators and an output of
its own, so its code is that of a run alone. Where it would call a tower or go back through one, it
asks and waits. When all runs wait, one call answers those who ask for the same
(`promptsrc.pack`). Images in common are read once, and CLIP is loaded once.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.text import Texts
from promptsrc.clip.vectors import NO_VECTORS, Update, Vectors
from promptsrc.pack import PackedTowers
from trainers.memory import keep_freed
from trainers.process_state import ProcessState

if TYPE_CHECKING:
    from dassl.engine import TrainerX

# What is asked for, the first of these first: a backward pass waits until nothing else is asked,
# because runs that were encoded together share a graph.
ENCODE, CAST, RESUME, BACKWARD = range(4)

Position = tuple[int, int]  # of a training: epochs done, batches done of the next

_here = threading.local()


@dataclass
class Request:
    """What a run waits for: `serve` answers all who ask it; arguments come as a list of each."""

    order: int
    serve: Callable[..., Sequence[Any]]
    args: tuple[Any, ...]
    gradients: bool


class Run:
    """A run of a pack, in a thread of its own.

    Attributes:
        request: what it waits for; None before its start and after its end.
        trainer: the one that it has built last.
        code: its exit code; None before its end.
    """

    def __init__(self, pack: "Pack", name: str, work: Callable[[], int]):
        self.pack, self.name, self.work = pack, name, work
        self.request: Request | None = None
        self.trainer: TrainerX | None = None
        self.code: int | None = None
        self._state = ProcessState()
        self._answer: Any = None
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def advance(self, answer: Any) -> None:
        """Give it the turn until it asks for something or ends; called by the pack."""
        self.request, self._answer = None, answer
        self._state.put()
        self._go.release()
        try:
            self._stopped.acquire()
        except KeyboardInterrupt:  # it first comes to where it waits
            self._stopped.acquire()
            raise
        finally:
            self._state.take()

    @property
    def trains(self) -> bool:
        return self.trainer is not None and self.trainer.stop_signals.awaiting

    def stop_after_this_step(self, reason: str) -> None:
        assert self.trainer is not None
        self.trainer.stop_signals.asked = reason

    def ask(self, request: Request) -> Any:
        """Wait for the others; called by the run."""
        self.request = request
        self._stopped.release()
        self._go.acquire()
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer

    def _run(self) -> None:
        self._go.acquire()
        _here.run = self
        self.code = 1  # of an error that no command expects, which ends the thread
        try:
            self.code = self.work()
        finally:
            self._stopped.release()


class Pack:
    """Runs by name, each a function that returns an exit code."""

    def __init__(self, works: Mapping[str, Callable[[], int]]):
        self.clips: dict[Hashable, SharedCLIP] = {}
        self.notes: dict[str, bool | None] = {}  # whether they have been printed
        self.runs = [Run(self, name, work) for name, work in works.items()]

    def run(self) -> dict[str, int | None]:
        """The exit codes, when all runs have ended; None if one did not start.

        A stop signal lets those that train finish their step, and save; a second one does not.
        """
        from dassl.utils.signals import StopSignals  # Dassl.pytorch has none

        keep_freed()
        ours, signals = ProcessState(), StopSignals()
        answers: dict[Run, Any] = dict.fromkeys(self.runs)
        with signals.awaited():
            while answers:
                try:
                    for run, answer in answers.items():
                        run.advance(answer)
                    ours.put()
                    self._print_notes()
                    answers = self._answers(signals.asked)
                except KeyboardInterrupt as interrupt:
                    ours.put()
                    answers = {run: interrupt for run in self.runs if run.request}
        return {run.name: run.code for run in self.runs}

    def _print_notes(self) -> None:
        for note in [note for note, printed in self.notes.items() if not printed]:
            print(note, flush=True)
            self.notes[note] = True

    def _answers(self, stop: str) -> dict[Run, Any]:
        waiting = {run: run.request for run in self.runs if run.request}
        if not waiting:
            return {}
        order = min(request.order for request in waiting.values())
        asking = {run: request for run, request in waiting.items() if request.order == order}
        if stop:
            if idle := [run for run in waiting if not run.trains]:
                return {run: KeyboardInterrupt(stop) for run in idle}
            for run in asking if order == BACKWARD else ():
                run.stop_after_this_step(stop)
        groups: dict[Hashable, list[Run]] = {}
        for run, request in asking.items():
            groups.setdefault((request.serve, request.gradients), []).append(run)
        return {
            run: answer
            for runs in groups.values()
            for run, answer in zip(runs, _served([asking[run] for run in runs]), strict=True)
        }


def _served(requests: list[Request]) -> Sequence[Any]:
    """The answers; if they fail, the error for each."""
    try:
        with torch.set_grad_enabled(requests[0].gradients):
            return requests[0].serve(*map(list, zip(*(r.args for r in requests), strict=True)))
    except Exception as error:
        return [error] * len(requests)


def joined() -> Run | None:
    """The run of a pack that this is; None alone."""
    return getattr(_here, "run", None)


def _ask(order: int, serve: Callable[..., Sequence[Any]], *args: Any) -> Any:
    run = joined()
    assert run is not None
    return run.ask(Request(order, serve, args, torch.is_grad_enabled()))


class SharedCLIP(PackedTowers):
    """The CLIP of all runs, cast when each of them has computed what needs float32."""

    is_cast = False

    def cast(self, askers: list["PackedCLIP"]) -> list[None]:
        self.frozen.cast()
        self.is_cast = True
        return [None] * len(askers)


class PackedCLIP(FrozenCLIP):
    """The frozen CLIP of a run in a pack."""

    def __init__(self, shared: SharedCLIP):
        frozen = shared.frozen
        super().__init__(frozen.clip, frozen.precision, frozen.texts_at_once)
        self.shared = shared

    def cast(self) -> None:
        _ask(CAST, self.shared.cast, self)

    def encode_text(self, texts: Texts, prompts: Vectors = NO_VECTORS) -> Tensor:
        if _updates(prompts):
            return super().encode_text(texts, prompts)
        return _ask(ENCODE, self.shared.encode_text, texts, prompts)

    def encode_image(self, images: Tensor, prompts: Vectors = NO_VECTORS) -> Tensor:
        if _updates(prompts):
            return super().encode_image(images, prompts)
        return _ask(ENCODE, self.shared.encode_image, images, prompts)


def _updates(prompts: Vectors) -> bool:
    """Whether a run has weights of its own, and dropout: it goes through the towers by itself."""
    if not any(isinstance(entry, Update) for entry in prompts.values()):
        return False
    run = joined()
    assert run is not None
    run.pack.notes.setdefault("Runs that update weights go through the towers one by one")
    return True


def clip_of(trainer: "TrainerX", key: Hashable, load: Callable[[], FrozenCLIP]) -> FrozenCLIP:
    """What `load` returns; in a pack the same CLIP for all runs with this key."""
    run = joined()
    if run is None:
        return load()
    run.trainer = trainer
    found = run.pack.clips.get(key)
    if found is None or found.is_cast:
        found = run.pack.clips[key] = SharedCLIP(load())
    return PackedCLIP(found)


def backward(loss: Tensor, retain_graph: bool = False) -> None:
    """Add the gradient of a loss; in a pack those of all losses at once."""
    if joined():
        _ask(BACKWARD, _backward, loss, retain_graph)
    else:
        loss.backward(retain_graph=retain_graph)


def _backward(losses: list[Tensor], retained: list[bool]) -> list[None]:
    torch.autograd.backward(losses, retain_graph=any(retained))
    return [None] * len(losses)


def start_of(saved: Collection[Position]) -> Position:
    """Where a run starts, of what it has saved (and the beginning).

    That is the newest; in a pack the newest that all have, if none has more than an epoch to train
    again: a kill between the saves of two runs leaves them an epoch apart, and runs that resume
    side by side have the rounding of the pack that was killed.
    """
    return _ask(RESUME, _start, saved) if joined() else max(saved)


def _start(saved: list[Collection[Position]]) -> list[Position]:
    newest, common = [max(each) for each in saved], max(set.intersection(*map(set, saved)))
    again = max(epoch - common[0] for epoch, _ in newest)
    return newest if again > 1 else [common] * len(saved)


def read_once(loader: Any, device: torch.device) -> Any:
    """A loader of test images, read once for all runs of a pack that test on the same ones."""
    if not joined() or loader is None or not isinstance(loader.sampler, SequentialSampler):
        return loader
    return ReadOnce(loader, device)


class ReadOnce:
    """A loader whose batches are shared; each run draws what its own loader would draw."""

    def __init__(self, loader: Any, device: torch.device):
        self.loader, self.device = loader, device

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    @property
    def images(self) -> Hashable:
        """Equal where batches are."""
        data = self.loader.dataset
        items = tuple((item.impath, item.label) for item in data.data_source)
        return items, self.loader.batch_size, repr(data.transform), data.read_as, self.device

    def __iter__(self) -> Iterator[dict[str, Any]]:
        torch.empty((), dtype=torch.int64).random_()  # the seed of loading processes
        stream = _ask(ENCODE, _opened, self, joined())
        while True:
            _ask(ENCODE, _taken, stream)  # waits, so that no run is more than a batch ahead
            batch = stream.next(joined())
            if batch is None:
                return
            yield batch


class Stream:
    """Batches for several runs, each read when the first of them asks for it."""

    def __init__(self, loader: ReadOnce, takers: Sequence[Run]):
        self.batches, self.device = iter(loader.loader), loader.device
        self.left: dict[Run, deque[Any]] = {run: deque() for run in takers}

    def next(self, taker: Run) -> dict[str, Any] | None:
        """None after the last.

        Raises:
            OSError: as the loader, to each.
        """
        if not self.left[taker]:
            batch = self._read()
            for left in self.left.values():
                left.append(batch)
        batch = self.left[taker].popleft()
        if isinstance(batch, Exception):
            raise batch
        return batch

    def _read(self) -> Any:
        try:
            batch = next(self.batches, None)
        except Exception as error:
            return error
        return batch and batch | {"img": batch["img"].to(self.device, non_blocking=True)}


def _opened(loaders: list[ReadOnce], takers: list[Run]) -> list[Stream]:
    groups: dict[Hashable, list[Run]] = {}
    for loader, taker in zip(loaders, takers, strict=True):
        groups.setdefault(loader.images, []).append(taker)
    first = {loader.images: loader for loader in loaders}
    streams = {images: Stream(first[images], runs) for images, runs in groups.items()}
    return [streams[loader.images] for loader in loaders]


def _taken(streams: list[Stream]) -> list[None]:
    return [None] * len(streams)
