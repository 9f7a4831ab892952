"""Whole files with entries of another kind: refused in one line, or used; never a traceback.

Each entry of a checkpoint, of a state within an epoch and of a prompt file is replaced by values
of other kinds.
"""

import copy
import shutil
from itertools import cycle, islice

import pytest
import torch
from dassl.utils import unfinished

from promptsrc.inference.prompt_file import PromptFile, read_prompts, write_prompts
from tests.trainers.test_checkpoints import CASES, trainer_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # PyTorch's, about what it is given here
]
REFUSED = (ValueError, FileNotFoundError, FloatingPointError)
OTHERS = [
    None,
    "text",
    -1,
    2.5,
    True,
    [1],
    {"a": 1},
    torch.ones(3, 3),
    torch.ones(2).to_sparse(),
    torch.ones(1).expand(10**6, 10**6),
    torch.ones(2, 2, dtype=torch.float8_e4m3fn),
    torch.ones(2, device="meta"),
    list(range(20_000)),
]


def entries(content, path=()):
    """The paths of all entries, of lists the first two."""
    yield path
    if isinstance(content, dict):
        for key, value in content.items():
            yield from entries(value, (*path, key))
    elif isinstance(content, list):
        for i, value in enumerate(content[:2]):
            yield from entries(value, (*path, i))


def replaced(content, path, value):
    if not path:
        return value
    content = copy.copy(content)
    content[path[0]] = replaced(content[path[0]], path[1:], value)
    return content


def changes(content, each):
    """`each` other values for every entry, in turn."""
    others = cycle(OTHERS)
    for path in entries(content):
        for value in islice(others, each):
            yield path, replaced(content, path, value)


def attempt(work):
    """Whether it was done; if it is refused, in one line."""
    try:
        work()
    except REFUSED as error:
        assert "\n" not in str(error), str(error)[:200]
        return False
    return True


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trainer after 3 epochs that keeps each one, and has left a state within the second."""
    folder = tmp_path_factory.mktemp("run")
    names = CASES["promptsrc_default"]["class_names"]
    trainer = trainer_of("promptsrc_default", folder, names, MAX_EPOCH=3)
    trainer.cfg.TRAIN.CHECKPOINT_FREQ = 1
    trainer.cfg.TRAIN.CHECKPOINT_MINUTES = 1e-9
    kept = folder / "kept" / unfinished.NAME
    kept.parent.mkdir()

    def save_model(epoch, *args, save=trainer.save_model, **kwargs):
        if epoch == 1:  # before it removes the state
            shutil.copy(folder / unfinished.NAME, kept)
        save(epoch, *args, **kwargs)

    trainer.save_model = save_model
    trainer.train()
    return trainer, folder / "VLPromptLearner" / "model.pth.tar-1", kept


def resume(trainer, folder):
    """Train the second epoch from the files in this folder."""
    trainer.start_epoch = trainer.resume_model_if_exist(str(folder))
    trainer.epoch = 1
    trainer.run_epoch()


@pytest.fixture
def as_new(trained):
    """Undoes what an accepted file did to optimizer and schedule."""
    trainer = trained[0]
    states = copy.deepcopy([trainer.optim.state_dict(), trainer.sched.state_dict()])

    def undo():
        trainer.optim.load_state_dict(states[0])
        trainer.sched.load_state_dict(states[1])
        trainer.unfinished = None

    return undo


def test_a_checkpoint(trained, as_new, tmp_path):
    trainer, path, _ = trained
    content = torch.load(path, weights_only=True)
    folder = tmp_path / "VLPromptLearner"
    folder.mkdir()
    (folder / "checkpoint").write_text("model.pth.tar-1\n")
    done = 0
    for where, changed in changes(content, each=4):
        torch.save(changed, folder / "model.pth.tar-1")
        as_new()
        read = attempt(lambda: read_prompts(folder / "model.pth.tar-1"))
        attempt(lambda: trainer.load_model(str(tmp_path), epoch=1))
        resumed = attempt(lambda: resume(trainer, tmp_path))
        done += read + resumed
        if where[:1] == ("state_dict",) or where in [("epoch",), ("trainer_state",)]:
            assert not resumed, where
    assert done > 100  # of entries that only one of them needs


def test_a_state_within_an_epoch(trained, as_new, tmp_path):
    trainer, path, kept = trained
    folder = tmp_path / "VLPromptLearner"
    folder.mkdir()
    (folder / "checkpoint").write_text("model.pth.tar-1\n")
    shutil.copy(path, folder)
    states, save = unfinished.read(str(kept.parent), ["VLPromptLearner"])
    [content] = states.values()
    assert content["unfinished"]["batch"] > 0 and save is None
    for where, changed in changes(content["unfinished"], each=6):
        states = {"VLPromptLearner": content | {"unfinished": changed}}
        unfinished.write(str(tmp_path), states)
        as_new()
        attempt(lambda: resume(trainer, tmp_path))
        assert where is not None


def test_a_prompt_file(trained, tmp_path):
    prompts = read_prompts(trained[1])
    path = tmp_path / "prompts.safetensors"
    plain = [value for value in OTHERS if not isinstance(value, torch.Tensor)]
    for where in entries(prompts.description):
        for value in plain:
            about = replaced(prompts.description, where, value)
            write_prompts(PromptFile(about, prompts.tensors), path)
            if attempt(lambda: read_prompts(path)) and len(where) == 1:
                assert type(value) is type(prompts.description[where[0]]), where
