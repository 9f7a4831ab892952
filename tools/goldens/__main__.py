"""Records a case of somebody's trainer, for `python -m tests.parity DIR` to replay through ours.

    python -m tools.goldens ../CoOp --trainer CoOp --out DIR --set TRAINER.COOP.N_CTX 4

A copy of the checkout trains, unedited, on the tiny CLIP and the seeded images of
`tests/tiny_clip.py`, in float32 on a CPU, and then tests new classes. What starts at random starts
from seeded values. DIR gets the arrays, and the case in cases.json (tests/goldens/README.md says
what they mean): texts, parameters, gradients, losses, learning rates and logits.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from promptsrc.command import Parser, checking_the_command, exit_code
from promptsrc.files import replacing
from runs.config import default_config
from runs.saved_config import flat
from tests import tiny_clip
from tools.goldens.record import STD, TESTED
from tools.plugins.checkout import Checkout, copies
from tools.plugins.made import make_data
from tools.plugins.tryout import Engine, Place, probe, run

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("record.py")
SEEDS = {"clip": 1, "injected": 2, "train_images": 3, "train_labels": 4, "eval_images": 5}
SHAPE = {
    "image_resolution": 32,
    "patch_size": 8,
    "vision_width": 128,
    "vision_layers": 4,
    "text_width": 128,
    "text_layers": 4,
    "embed_dim": 64,
    "context_length": 77,
    "vocab_size": 49408,
}
CLASSES = ("golden_retriever", "tabby_cat", "fire_truck", "grand_piano", "daisy")
NEW = ("polar_bear", "airplane", "espresso_machine", "red_panda")
# What a case says of its configuration: what a trainer follows
KEPT = ("DATASET.NAME", "DATASET.SUBSAMPLE", "DATALOADER.TRAIN_X.BATCH", "INPUT.SIZE", "OPTIM.")
KEPT += ("TEST.FINAL_MODEL", "TEST.NO_TEST", "TRAINER.", "LOSS.", "TASK")


def tiny_weights(folder: Path) -> tuple[str, str]:
    """Write the tiny CLIP where its download is looked for; its address and fingerprint."""
    state = tiny_clip.tiny_clip_state_dict(SEEDS["clip"], **SHAPE)
    torch.save(state, file := folder / "clip.pt")
    place = folder / hashlib.sha256(file.read_bytes()).hexdigest()
    place.mkdir()
    return file.rename(place / "ViT-B-16.pt").as_uri(), tiny_clip.fingerprint(state)


def recorded(
    place: Place, checkout: Checkout, words: list[str], novel: bool
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a run of the script did: facts and arrays.

    Raises:
        ValueError: it failed.
    """
    step = "novel" if novel else "train"
    facts, arrays = (place.work / f"{step}.{kind}" for kind in ("json", "npz"))
    given = {"inputs": str(ROOT / "tests/tiny_clip.py"), "seeds": SEEDS, "novel": novel}
    given |= {"facts": str(facts), "arrays": str(arrays)}
    outcome = run(place, checkout, step, words, beside={"file": str(RECORD), "given": given})
    if not outcome.ended or not facts.exists():
        raise ValueError(f"{checkout.script} failed: {outcome.error} ({place.work / step}.log)")
    with np.load(arrays) as file:
        return json.loads(facts.read_text()), dict(file)


def ours_of(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The part of a configuration that is not our default, nested; the keys that we lack."""
    defaults, kept, lacking = flat(default_config()), {}, []
    for key, value in flat(config).items():
        if not key.startswith(KEPT) or key == "TRAINER.NAME":
            continue
        if key not in defaults:
            lacking.append(key)
        elif (value := "fp32" if key.endswith(".PREC") else value) != _listed(defaults[key]):
            *nodes, leaf = key.split(".")
            node = kept
            for name in nodes:
                node = node.setdefault(name, {})
            node[leaf] = value
    return kept, lacking


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def record(folder: Path, trainer: str, engine: Path, pairs: list[str], made: Path) -> Any:
    """A case and its arrays.

    Raises:
        ValueError: no such trainer, or it failed.
    """
    (checkout, *_) = copies(folder, made / "copies")
    make_data(made / "data", (*CLASSES, *NEW))
    weights, fingerprint = tiny_weights(made)
    place = Place(Engine(engine), made / "data", weights, made)
    probed = probe(place, checkout)
    if trainer not in checkout.trainers:
        has = ", ".join(checkout.trainers) or probed.error
        raise ValueError(f"--trainer is {trainer!r}; {folder} has {has}")

    def words(step: str, classes: str) -> list[str]:
        usual = checkout.command(trainer, place.data, made / step, classes)
        return [*usual, "TEST.NO_TEST", "True", *pairs]

    facts, arrays = recorded(place, checkout, words("train", "base"), novel=False)
    new: list[str] = []
    if checkout.has_new_classes:
        load = ["--eval-only", "--model-dir", str(made / "train")]
        load += ["--load-epoch", str(facts["epochs"])]
        tested, more = recorded(place, checkout, [*load, *words("novel", "new")], novel=True)
        new, arrays = tested["classes"], arrays | more
    config, lacking = ours_of(facts["config"])
    size = facts["config"]["DATALOADER"]["TRAIN_X"]["BATCH_SIZE"]
    count, side = len(facts["labels"]), SHAPE["image_resolution"]
    case = {
        "trainer": trainer,
        "source": f"{checkout.name} at commit {checkout.commit}",
        "precision": "fp32",
        "batch_size": size,
        "num_batches": count // size,
        "epochs": facts["epochs"],
        "class_names": facts["classes"],
        "novel_class_names": new,
        "clip": {"seed": SEEDS["clip"], "kwargs": SHAPE, "fingerprint": fingerprint},
        "config": config,
        "keys_not_here": lacking,
        "train_images": {"seed": SEEDS["train_images"], "n": count, "resolution": side},
        "train_labels": {"seed": SEEDS["train_labels"], "values": facts["labels"]},
        "eval_images": {"seed": SEEDS["eval_images"], "n": TESTED, "resolution": side},
        "injected": {
            "seed": SEEDS["injected"],
            "params": {n: {"shape": s, "std": STD} for n, s in facts["injected"].items()},
        },
        "trainable": facts["trainable"],
        "checkpoint": {
            "folder": facts["folder"],
            "epoch_value": facts["epochs"],
            "state_dict_prefix": facts["prefix"],
        },
    }
    return case, arrays


def write(folder: Path, name: str, case: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Add a case to a folder, which may have others."""
    folder.mkdir(parents=True, exist_ok=True)
    spec, source = folder / "cases.json", ROOT / "tests/goldens/cases.json"
    known = json.loads(source.read_text())["tolerances_max_abs"]
    about = json.loads(spec.read_text()) if spec.exists() else {"cases": {}}
    about["cases"][name] = case | {"file": f"{name}.npz"}
    about.setdefault("tolerances_max_abs", {"fp32": known["fp32"]})
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    with replacing(spec) as part:
        part.write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")


def main() -> int:
    parser = Parser(__doc__, "python -m tools.goldens")
    add = parser.add_argument
    add("checkout", metavar="CHECKOUT", type=Path, help="of a plug-in for Dassl")
    add("--trainer", required=True, help="its name in the registry")
    add("--out", metavar="DIR", type=Path, required=True, help="folder of cases")
    add("--name", help="of the case; by default that of the trainer")
    add("--engine", metavar="DIR", type=Path, default=ROOT / "engine", help="or Dassl.pytorch's")
    add("--set", metavar="KEY VALUE", nargs="+", default=[], help="configuration of the trainer")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, checking_the_command():
        given = arguments.checkout, arguments.trainer, arguments.engine.resolve()
        case, arrays = record(*given, arguments.set, Path(made))
    name = arguments.name or arguments.trainer.lower()
    write(arguments.out, name, case, arrays)
    for key in case["keys_not_here"]:
        print(f"Note: {key} is not a key here")
    print(f"{arguments.out}: {name}, {len(arrays)} arrays; python -m tests.parity {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
