"""What the runs of a pack have in common and what not; whole packs are in tests/runs."""

import copy
import hashlib
import random
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

from tests.conftest import ROOT
from tests.parity import batches_of, config_of, load_cases, recorded, replay
from trainers import pack
from trainers.base import PromptTrainer
from trainers.process_state import ProcessState

GOLDENS = ROOT / "tests" / "goldens"
CASES, TOLERANCES = load_cases(GOLDENS)
DRAWS = {
    "python": random.random,
    "python's normal": lambda: random.gauss(0, 1),
    "numpy": np.random.rand,
    "numpy's normal": np.random.randn,  # drawn in pairs
    "numpy's integers": lambda: np.random.randint(100),
    "torch": lambda: float(torch.randn(1)),
}


def seeded(seed):
    for generator in (random.seed, np.random.seed, torch.manual_seed):
        generator(seed)


def test_each_run_draws_what_it_draws_alone():
    chosen = {seed: random.Random(seed).choices(list(DRAWS), k=300) for seed in (1, 2, 3)}
    alone, together, states = {}, {1: [], 2: [], 3: []}, {}
    for seed, names in chosen.items():
        seeded(seed)
        alone[seed] = [DRAWS[name]() for name in names]
        seeded(seed)
        states[seed] = ProcessState()
    turns = random.Random(9)
    for i in range(300):
        for seed in turns.sample([1, 2, 3], 3):
            states[seed].put()
            together[seed].append(DRAWS[chosen[seed][i]]())
            states[seed].take()
    assert together == alone


def test_the_process_has_its_own_state_after_a_pack(capsys):
    seeded(4)
    expected = [draw() for draw in DRAWS.values()]
    seeded(4)

    def work():
        seeded(5)
        print("in a run")
        return 0

    assert pack.Pack({"a": work, "b": work}).run() == {"a": 0, "b": 0}
    assert [draw() for draw in DRAWS.values()] == expected
    assert capsys.readouterr().out == "in a run\n" * 2
    assert threading.active_count() == 1 or all(t.name not in "ab" for t in threading.enumerate())


def by_content(monkeypatch):
    """Cases have the same weights in files of their own."""
    shared = pack.clip_of

    def clip_of(trainer, key, load):
        weights = hashlib.sha256(Path(key[0]).read_bytes()).digest()
        return shared(trainer, (weights, *key[1:]), load)

    monkeypatch.setattr(pack, "clip_of", clip_of)


LEARNED = [name for name, case in CASES.items() if "injected" in case]


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNED)
def test_a_recorded_case_replays_beside_runs_that_start_elsewhere(name, monkeypatch):
    by_content(monkeypatch)
    packed, encode = [], pack.SharedCLIP.encode_text
    other = copy.deepcopy(CASES[name])
    other["injected"]["seed"] += 1

    def counted(self, texts, prompts):
        packed.append(len(texts))
        return encode(self, texts, prompts)

    def work(case):
        found = list(replay(GOLDENS, case, TOLERANCES[case["precision"]]))
        return sum(not difference.fits for difference in found) if len(found) > 16 else -1

    monkeypatch.setattr(pack.SharedCLIP, "encode_text", counted)
    cases = {"case": CASES[name], "other": other}
    codes = pack.Pack({name: lambda case=case: work(case) for name, case in cases.items()}).run()
    assert codes["case"] == 0
    assert (codes["other"] > 10) == bool(other["injected"]["params"])
    assert packed.count(2) >= len(packed) - 2


def test_an_error_in_a_common_call_reaches_all_who_asked(tmp_path):
    met = []

    def fail(values):
        raise ValueError(f"not these: {values}")

    def work(value):
        try:
            pack._ask(pack.ENCODE, fail, value)
        except ValueError as error:
            met.append(str(error))
        return 0

    pack.Pack({str(i): lambda i=i: work(i) for i in range(3)}).run()
    assert met == ["not these: [0, 1, 2]"] * 3


def test_clip_is_loaded_once_and_cast_when_all_have_computed_in_float32(tmp_path, monkeypatch):
    by_content(monkeypatch)
    monkeypatch.setattr(PromptTrainer, "prec", "bf16")
    monkeypatch.setattr(PromptTrainer, "build_targets", lambda self, frozen: note(frozen))
    before, after, case = [], {}, CASES["promptsrc_default"]

    def note(frozen):
        before.append(frozen.clip.dtype)

    def work(name):
        (tmp_path / name).mkdir()
        kind = recorded(TRAINER_REGISTRY.get("PromptSRC"), case["class_names"], batches_of(case))
        after[name] = kind(config_of(case, tmp_path / name)).model.frozen.clip
        return 0

    pack.Pack({name: lambda name=name: work(name) for name in "abc"}).run()
    assert before == [torch.float32] * 3
    assert after["a"] is after["b"] is after["c"]
    assert after["a"].dtype == torch.bfloat16


def test_alone_a_gradient_is_what_it_was():
    loss = torch.ones(1, requires_grad=True)
    pack.backward((3 * loss).sum())
    assert (pack.joined(), loss.grad.item()) == (None, 3)
