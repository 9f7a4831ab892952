"""Folders as runs leave them, and a reader of the reports."""

import json
from html.parser import HTMLParser

from runs import layout

TINY = "vit_t8_c2_ep20_batch4_4+4ctx"
TRAINING = "Finish training\n=> result\n* accuracy: {}%\n"
TEST = "=> result\n* accuracy: {}%\n"


def put(output, folder, accuracy, log=TRAINING):
    """The log of a run."""
    (output / folder).mkdir(parents=True)
    (output / folder / "log.txt").write_text(log.format(accuracy))


def base_new(output, dataset, seed, base, new, trainer="PromptSRC", config=TINY):
    """A run on base classes with its test on new ones."""
    tail = (dataset, trainer, config, 16, seed)
    put(output, layout.base2new("train_base", *tail), base)
    put(output, layout.base2new("test_new", *tail), new, TEST)


def scores(rng, tested=("base", "new", "all"), device="cpu"):
    """Random content of a results.json."""
    found = {
        "version": 1,
        "test_time_knowledge": "unified",
        "tests": {name: _test(rng) for name in tested},
        "cost": {
            "parameters": int(rng.integers(1000, 50_000)),
            **dict(zip(("train_seconds", "test_seconds"), rng.uniform(1, 2000, 2), strict=True)),
            **dict(zip(("train_peak_gib", "test_peak_gib"), rng.uniform(0, 9, 2), strict=True)),
            "device": device,
        },
    }
    names = ("S", "U", "H", "accuracy", "openworld_auc")
    if {"base", "new"} <= set(tested):
        found["openworld"] = dict(zip(names, rng.uniform(0, 100, 5), strict=True))
        s, u = found["openworld"]["S"], found["openworld"]["U"]
        found["openworld"]["H"] = 2 * s * u / (s + u)
    return found


def _test(rng):
    bins = [
        {"images": int(images), "confidence": (b + rng.uniform()) / 15, "accuracy": rng.uniform()}
        if images
        else {"images": 0, "confidence": None, "accuracy": None}
        for b, images in enumerate(rng.integers(0, 4, 15))
    ]
    errors = dict(zip(("ece", "adaptive_ece", "brier", "nll"), rng.uniform(0, 2, 4), strict=True))
    return {**errors, "reliability": bins}


def put_scores(output, folder, content):
    (output / folder / "results.json").write_text(json.dumps(content))


class Page(HTMLParser):
    """A page whose tags are closed in order: its tags, its text, and what it refers to."""

    def __init__(self, content):
        super().__init__()
        self.open, self.tags, self.references, self.text = [], [], [], []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [
            value for name, value in attributes if name in ("src", "href", "xlink:href")
        ]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data.strip())
