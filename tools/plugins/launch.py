"""Runs scripts of somebody's checkout, unedited, and reports what their trainers do.

A line of JSON on stdin is a run, the arguments of `start`; its exit code is printed when it ends.
Each is a fork of this process, which has imported what takes long: PyTorch, and the `dassl` that
PYTHONPATH names. Nothing of this project is imported.
"""

import importlib.machinery
import json
import os
import runpy
import signal
import sys
from functools import wraps
from pathlib import Path

import torch
import torch.utils.collect_env
from torch.overrides import TorchFunctionMode

STOPPED = 3  # exit code of a run that was interrupted as asked


class Report:
    """Appends facts to a file, a line each; each kind of redirection once."""

    def __init__(self, path: str):
        self.path, self.told = path, set()

    def add(self, **facts) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")

    def once(self, redirected: str) -> None:
        if redirected not in self.told:
            self.told.add(redirected)
            self.add(redirected=redirected)


class OnCPU(TorchFunctionMode):
    """On a machine without CUDA, what is sent there stays on the CPU, and half stays single."""

    def __init__(self, report: Report):
        super().__init__()
        self.report = report

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.Tensor.cuda:
            self.report.once("CUDA")
            return args[0]
        if func is torch.Tensor.half:
            self.report.once("half precision")
            return args[0].float()
        converts = func in (torch.Tensor.to, torch.Tensor.type)
        args = [self.instead(value, converts) for value in args]
        kwargs = {key: self.instead(value, converts) for key, value in kwargs.items()}
        return func(*args, **kwargs)

    def instead(self, value, converts: bool):
        """What a CPU has for a device, and for a type to convert to."""
        name = str(value) if isinstance(value, (torch.device, str)) else ""
        if name.split(":")[0] == "cuda":
            self.report.once("CUDA")
            return "cpu"
        if converts and value is torch.float16:
            self.report.once("half precision")
            return torch.float32
        return value


def keep_on_cpu(report: Report) -> None:
    """Redirect CUDA calls for the rest of the process."""
    OnCPU(report).__enter__()
    torch.cuda.set_device = lambda device: report.once("CUDA")


def weights_from(url: str) -> None:
    """Every CLIP that has a table of downloads, `_MODELS`, downloads one file: `url`.

    Its path holds its SHA-256 where OpenAI's addresses do, so the check of it passes.
    """
    execute = importlib.machinery.SourceFileLoader.exec_module

    def exec_module(loader, module):
        execute(loader, module)
        if isinstance(vars(module).get("_MODELS"), dict) and hasattr(module, "_download"):
            module._MODELS.update(dict.fromkeys(module._MODELS, url))

    importlib.machinery.SourceFileLoader.exec_module = exec_module


def watch(report: Report, stop: int) -> None:
    """Trainers report their losses, and stop before epoch `stop`."""
    import dassl.engine

    build = dassl.engine.build_trainer

    @wraps(build)
    def build_trainer(*args, **kwargs):
        trainer = build(*args, **kwargs)
        step, begin = trainer.forward_backward, trainer.before_epoch

        def forward_backward(*batches):
            losses = step(*batches)
            named = losses if isinstance(losses, dict) else {}
            report.add(epoch=trainer.epoch, losses={k: float(v) for k, v in named.items()})
            return losses

        def before_epoch():
            if trainer.epoch == stop:
                os._exit(STOPPED)  # as a kill would: nothing is tidied up
            begin()

        trainer.forward_backward, trainer.before_epoch = forward_backward, before_epoch
        return trainer

    dassl.engine.build_trainer = build_trainer


def probe(report: Report, script: str) -> None:
    """Import the script, and report the trainers and datasets that it then has."""
    from dassl.data.datasets import DATASET_REGISTRY
    from dassl.engine import TRAINER_REGISTRY, TrainerX, TrainerXU

    runpy.run_path(script, run_name="imported")
    here, bases = Path.cwd(), (TrainerX.forward_backward, TrainerXU.forward_backward)
    trainers = {}
    for name in TRAINER_REGISTRY.registered_names():
        kind = TRAINER_REGISTRY.get(name)
        module = sys.modules.get(kind.__module__)  # the script itself is not there any more
        if module is None or here in Path(module.__file__).resolve().parents:
            trainers[name] = kind.forward_backward not in bases  # False: it does not train
    report.add(trainers=trainers, datasets=DATASET_REGISTRY.registered_names())


def start(
    folder: str, script: str, words: list[str], log: str, report: str, weights: str, **how
) -> None:
    """Run a script in its folder, as `python script words...` does.

    Args:
        log: file that receives its output.
        report: file that receives a line of JSON for each loss, and for what was redirected.
        weights: address of the CLIP that any name of one downloads.
        how: `home`, its home folder; `limit`, seconds after which it is killed; `stop`, the epoch
            (from 0) before which it is interrupted, or -1; `probe`, whether to import it only;
            `beside`, a `file` whose `record` is called before, with what is `given`.
    """
    signal.alarm(how["limit"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    os.environ["HOME"] = how["home"]
    os.chdir(folder)
    sys.path[0], sys.argv[:] = folder, [script, *words]
    listed = os.listdir  # in an order that differs from copy to copy
    os.listdir = lambda *path: sorted(listed(*path))
    reports = Report(report)
    if not torch.cuda.is_available():
        keep_on_cpu(reports)
    weights_from(weights)
    torch.utils.collect_env.get_pretty_env_info = lambda: "(not collected: it takes seconds)"
    if how["probe"]:
        return probe(reports, script)
    if beside := how.get("beside"):
        runpy.run_path(beside["file"])["record"](beside["given"])
    watch(reports, how["stop"])
    runpy.run_path(script, run_name="__main__")


def serve() -> None:
    """Start runs, one after the other, until stdin ends."""
    import dassl.engine  # noqa: F401

    for line in sys.stdin:
        process = os.fork()
        if not process:
            return start(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
