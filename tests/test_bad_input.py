"""The bad input table: a mistake is one line with value, place and remedy; nothing on disk changes.

Exit code 2 for an invalid command or configuration, 1 for a failure of the work itself.
"""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

import demo
import parse_test_res
import train
from datasets.check import __main__ as check
from promptsrc import export
from report import __main__ as report
from sweep import __main__ as sweep
from sweep import script
from tests.conftest import ROOT
from tests.datasets.roots import make_images

pytestmark = pytest.mark.slow  # as a whole

METHODS = ROOT / "configs" / "trainers"
BASE = (
    f"--root {{w}} --dataset-config-file {{w}}/mine.yaml --output-dir {{w}}/out/run --seed 1 --trainer PromptSRC "
    f"--config-file {METHODS}/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx.yaml"
)
PAIRS = "DATALOADER.NUM_WORKERS 0 OPTIM.MAX_EPOCH 1"
CSV_DATA = "--dataset-config-file {w}/table.yaml"
SPLIT_DATA = f"--dataset-config-file {ROOT}/configs/datasets/eurosat.yaml"
OF_COOP = f"--trainer CoOp --config-file {METHODS}/CoOp/vit_t8_ctxv1.yaml"
OF_IVLP = f"--trainer IVLP --config-file {METHODS}/IVLP/vit_t8_c2_ep20_batch4_4+4ctx.yaml"
EVAL = "--eval-only --model-dir {w}/old --load-epoch 1"
SPLIT = "eurosat/split_zhou_EuroSAT.json"
TABLE = "table/images.csv"
LEARNED = "VLPromptLearner/model.pth.tar-1"


class Evil:
    """In a pickle: makes a file where it is loaded freely."""

    def __reduce__(self):
        return Path.touch, (Path("/tmp/bad-input-was-unpickled"),)


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Own images in folders and in a table, a dataset with a split file, a run's folder; all that is needed, all right."""
    world = tmp_path_factory.mktemp("template")
    names = [f"{i}.png" for i in range(3)]
    make_images(
        world / "mine",
        *(f"{part}/{c}/{n}" for part in ("train", "test") for c in ("ape", "bat") for n in names),
    )
    (world / "mine.yaml").write_text("DATASET: {NAME: ImageFolder, FOLDER: mine}\n")
    make_images(world / "table", "a.png", "b.png")
    (world / "table.yaml").write_text("DATASET: {NAME: CSV, FOLDER: table}\n")
    (world / TABLE).write_text("path,class,split\na.png,ape,train\nb.png,ape,test\n")
    make_images(world / "eurosat" / "2750", *(f"{c}/{n}" for c in "AB" for n in names))
    rows = [[[f"{c}/{n}", label, c] for label, c in enumerate("AB")] for n in names]
    (world / SPLIT).write_text(json.dumps(dict(zip(("train", "val", "test"), rows, strict=True))))
    (world / "old" / "VLPromptLearner").mkdir(parents=True)
    torch.save(
        {"state_dict": {"prompt_learner.ctx": torch.zeros(2, 128)}, "epoch": 1},
        world / "old" / LEARNED,
    )
    torch.save({"fc.weight": torch.ones(2, 2)}, world / "weights.pt")
    return world


@pytest.fixture
def world(template, tmp_path):
    return shutil.copytree(template, tmp_path / "w")


def on_disk(folder):
    """Size and time of each file, names of the folders."""
    stats = {path: path.stat() for path in folder.rglob("*")}
    return {
        path: path.is_file() and (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()
    }


def words_of(text, world):
    return [word.replace("{w}", str(world)) for word in shlex.split(text)]


def command(world, words=""):
    """The basic training, with more flags and, after a semicolon, KEY VALUE pairs."""
    flags, _, pairs = words.partition(";")
    return words_of(f"{BASE} {flags} {PAIRS} {pairs}", world)


def assert_one_line(err, pattern, world):
    assert "Traceback" not in err
    lines = err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), err
    assert re.search(pattern.replace("{w}", re.escape(str(world))), lines[0]), lines[0]


def code_of(call, words):
    try:
        return call(words)
    except SystemExit as error:  # argparse's way out
        return error.code


# What is done to the world, by name of the file or folder below it.


def text(path, content):
    return lambda world: (world / path).write_text(content)


def data(path, content):
    return lambda world: (world / path).write_bytes(content)


def gone(path):
    return lambda world: (
        shutil.rmtree(world / path) if (world / path).is_dir() else (world / path).unlink()
    )


def images(*names, below="mine"):
    return lambda world: make_images(world / below, *names)


def cut(path, share):
    def change(world):
        content = (world / path).read_bytes()
        (world / path).write_bytes(content[: int(share * len(content))])

    return change


def flipped(path, place):
    def change(world):
        content = bytearray((world / path).read_bytes())
        content[place] ^= 0xFF
        (world / path).write_bytes(content)

    return change


def saved(path, content):
    return lambda world: (
        (world / path).parent.mkdir(parents=True, exist_ok=True),
        torch.save(content, world / path),
    )


def split(**changed):
    """Parts of the split file otherwise."""

    def change(world):
        (world / SPLIT).write_text(json.dumps(json.loads((world / SPLIT).read_text()) | changed))

    return change


def big_png(world):
    """A PNG of a few bytes that says it has 10^10 pixels."""
    path = world / "mine/train/ape/0.png"
    content = bytearray(path.read_bytes())
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    header = bytes(content[12:29])
    content[29:33] = zlib.crc32(header).to_bytes(4, "big")
    path.write_bytes(content)


def both(*changes):
    return lambda world: [change(world) for change in changes]


nothing = both()


class Case(NamedTuple):
    code: int
    says: str  # what matches the line
    words: str = ""  # of the command line: flags; KEY VALUE pairs
    change: Callable[[Path], object] = nothing


NAMES = "mine/names.json"
LONG = "7" * 90  # each a token
WEIGHTS = "--backbone {w}/weights.pt"
NOT_READ = r"image {w}/mine/train/ape/0.png can't be read \(.*\); replace it or take it out$"
NO_WEIGHTS = r"{w}/weights\.\w+ can't be read as CLIP weights \(.*\); give a .*, or download again$"
NO_CHECKPOINT = rf"{{w}}/old/{LEARNED} is not a readable checkpoint \("
NO_SPLIT = r"{w}/eurosat/split_zhou_EuroSAT.json is not a split file \(.*%s.*\); it needs train, .* or delete it"
CONFIG = "--config-file {w}/bad.yaml"

# fmt: off
TRAIN = {
    # where the data should be
    "no root": (1, r"{w}/no/mine is not a folder; it is made of --root .DATASET.ROOT., '{w}/no'", "--root {w}/no"),
    "root is a file": (1, r"--root .DATASET.ROOT., '{w}/mine.yaml'", "--root {w}/mine.yaml"),
    "no folder below": (1, "and DATASET.FOLDER, 'theirs'", "; DATASET.FOLDER theirs"),
    "no root of a benchmark": (1, "{w}/no, which is not a folder; give the one that has eurosat/", f"{SPLIT_DATA} --root {{w}}/no"),
    "no benchmark there": (1, "{w}, which has no eurosat/; `python -m datasets.check", SPLIT_DATA, gone("eurosat")),
    "no images of a benchmark": (1, "EuroSAT: {w}/eurosat has no 2750; `python -m", SPLIT_DATA, gone("eurosat/2750")),
    "a root without dataset": (2, "no dataset is named; add --dataset-config-file", "; DATASET.NAME ''"),
    # classes without images, or with too few
    "empty class": (1, "{w}/mine/train/cat has no images .*; add some", "", lambda w: (w / "mine/train/cat").mkdir()),
    "class of texts": (1, "mine/train/bat has no images", "", both(gone("mine/train/bat"), lambda w: (w / "mine/train/bat").mkdir(), text("mine/train/bat/a.txt", ""))),
    "empty test class": (1, "{w}/mine/test/ape has no images", "", both(gone("mine/test/ape"), lambda w: (w / "mine/test/ape").mkdir())),
    "no train": (1, "{w}/mine has no train/; make train/ and test/", "", gone("mine/train")),
    "no class": (1, "mine/train has no class folders; put", "", both(gone("mine/train"), lambda w: (w / "mine/train").mkdir())),
    "test class unknown": (1, "mine/test/cow is not a class: train/ has no such folder; add it", "", images("test/cow/0.png")),
    "two images to cut": (1, "class 'ape' has 2 images .*too few for 3 parts", "; DATASET.SHUFFLED_SPLIT True DATASET.SPLIT '(0.5, 0.2, 0.3)' DATASET.FOLDER cut", images("ape/0.png", "ape/1.png", below="cut")),
    "one class is not two halves": (1, "SUBSAMPLE_CLASSES is 'new', but there is only one class; use 'all'", CSV_DATA + " ; DATASET.SUBSAMPLE_CLASSES new"),
    "shares are no numbers": (1, "DATASET.SPLIT is .*'x'.*; give shares of train, val and test", "; DATASET.SPLIT \"('x', 'y', 'z')\" DATASET.FOLDER cut", images("ape/0.png", below="cut")),
    # images that are none
    "zero bytes": (1, NOT_READ, "", data("mine/train/ape/0.png", b"")),
    "cut image": (1, NOT_READ, "", cut("mine/train/ape/0.png", 0.6)),
    "text with an image's name": (1, NOT_READ, "", text("mine/train/ape/0.png", "not an image")),
    "image of 10^10 pixels": (1, NOT_READ, "", big_png),
    "cut image of a test": (1, "image {w}/mine/test/bat/2.png can't be read", "--trainer ZeroshotCLIP --eval-only", cut("mine/test/bat/2.png", 0.6)),
    "two cut images": (1, "2 of 12 images can't be read .DATASET.BAD_IMAGES skip leaves them out.: image {w}/mine/train/bat/0.png", "", both(cut("mine/train/bat/0.png", 0.6), cut("mine/test/bat/1.png", 0.6))),
    "bad images": (1, "DATASET.BAD_IMAGES is 'pass'; choose one of stop, skip", "; DATASET.BAD_IMAGES pass"),
    # names that nobody knows
    "trainer": (1, "'PromptSRCC' is not available; choose one of .*did you mean PromptSRC", "--trainer PromptSRCC"),
    "dataset": (1, "'Emojis' is not available; choose one of .*did you mean Emoji", "; DATASET.NAME Emojis"),
    "backbone": (1, "backbone 'ViT-B/17' is neither a name .ViT-T/8-v2, .* nor a file", "--backbone ViT-B/17"),
    "open_clip model": (1, "open_clip has no 'ViT-B-17' with weights 'x'; it has", "--backbone open_clip:ViT-B-17/x"),
    "sampler": (1, r"sampler is 'Best'; choose one of RandomSampler.*SAMPLER", "; DATALOADER.TRAIN_X.SAMPLER Best"),
    "transform": (1, "INPUT.TRANSFORMS has 'flip'; choose from random_flip", "--transforms flip"),
    "interpolation": (1, "INPUT.INTERPOLATION is 'cubic'; choose one of bilinear", "; INPUT.INTERPOLATION cubic"),
    "optimizer": (1, "OPTIM.NAME is 'sdg'; choose one of adam", "; OPTIM.NAME sdg"),
    "schedule": (1, "OPTIM.LR_SCHEDULER is 'cos'; choose one of single_step", "; OPTIM.LR_SCHEDULER cos"),
    "warm-up": (1, "OPTIM.WARMUP_TYPE is 'slow'; choose one of constant", "; OPTIM.WARMUP_TYPE slow"),
    "evaluator": (1, "TEST.EVALUATOR is 'Best'; choose one of Classification", "; TEST.EVALUATOR Best"),
    "test split": (1, "TEST.SPLIT is 'train'; choose one of val, test", "; TEST.SPLIT train"),
    "final model": (1, "TEST.FINAL_MODEL is 'best'; choose one of last_step, best_val", "; TEST.FINAL_MODEL best"),
    "precision": (1, "PREC is 'fp8'; choose one of fp32, fp16, amp, bf16", "; TRAINER.PROMPTSRC.PREC fp8"),
    "half": (1, "SUBSAMPLE_CLASSES is 'novel'; it is one of all, base, new", "; DATASET.SUBSAMPLE_CLASSES novel"),
    "position": (1, "CLASS_TOKEN_POSITION is 'back'; choose one of end", "--trainer CoOp ; TRAINER.COOP.CLASS_TOKEN_POSITION back"),
    # keys and kinds
    "key": (2, "OPTIM.LRR .command line. is not a config key; did you mean OPTIM.LR", "; OPTIM.LRR 1"),
    "key of nothing": (2, "ZZZ .command line. is not a config key; keys start with DATALOADER", "; ZZZ 1"),
    "key of a key": (2, "OPTIM.LR.X .command line. is not a config key; did you mean OPTIM.LR", "; OPTIM.LR.X 1"),
    "group": (2, "OPTIM .command line. is not a config key; it is a group: OPTIM.NAME", "; OPTIM 3"),
    "no value": (2, "'OPTIM.MAX_EPOCH' has no value", "; OPTIM.MAX_EPOCH"),
    "flag after pairs": (2, "--backbone follows KEY VALUE pairs; put flags before them", "; --backbone RN50"),
    "flag that isn't": (2, "--rot", "--rot x"),
    "flag of the wrong kind": (2, "--seed: invalid int value: 'one'", "--seed one"),
    "flag without value": (2, "--backbone: expected one argument", "--backbone --debug"),
    "half an epoch": (2, "OPTIM.MAX_EPOCH .command line. is '2.5'; it takes a whole number such as 20", "; OPTIM.MAX_EPOCH 2.5"),
    "text for a number": (2, "OPTIM.LR .command line. is 'fast'; it takes a finite number", "; OPTIM.LR fast"),
    "number for a switch": (2, "USE_CUDA .command line. is '1'; it takes True or False", "; USE_CUDA 1"),
    "number for a tuple": (2, "INPUT.SIZE .command line. is '48'; it takes a tuple such as .48, 48.", "; INPUT.SIZE 48"),
    "texts for numbers": (2, "INPUT.SIZE .command line. is .*; it takes a tuple such as", "; INPUT.SIZE \"('a', 'b')\""),
    "infinite": (2, "OPTIM.LR .command line. is '1e999'; it takes a finite number", "; OPTIM.LR 1e999"),
    "a number too long": (2, r"OPTIM.LR .command line. is '0xfff\S+; it takes", f"; OPTIM.LR 0x{'f' * 999}"),
    "no Python": (2, "OPTIM.LR .command line. is '{{}: 1}'; it takes", "; OPTIM.LR '{{}: 1}'"),
    # numbers out of range
    "no batch": (1, "DATALOADER.TRAIN_X.BATCH_SIZE is 0; it must be at least 1", "; DATALOADER.TRAIN_X.BATCH_SIZE 0"),
    "negative batch": (1, "DATALOADER.TRAIN_X.BATCH_SIZE is -4; it must be at least 1", "; DATALOADER.TRAIN_X.BATCH_SIZE -4"),
    "no test batch": (1, "DATALOADER.TEST.BATCH_SIZE is 0; it must be at least 1", "; DATALOADER.TEST.BATCH_SIZE 0"),
    "no epoch": (1, "OPTIM.MAX_EPOCH is 0; it must be at least 1", "; OPTIM.MAX_EPOCH 0"),
    "negative epochs": (1, "OPTIM.MAX_EPOCH is -1; it must be at least 0", "; OPTIM.MAX_EPOCH -1"),
    "negative shots": (1, "DATASET.NUM_SHOTS is -2; give images per class, or -1 for all", "; DATASET.NUM_SHOTS -2"),
    "negative workers": (1, "DATALOADER.NUM_WORKERS is -1; it must be at least 0", "; DATALOADER.NUM_WORKERS -1"),
    "negative rate": (1, "OPTIM.LR is -1.0; it must be at least 0", "; OPTIM.LR -1"),
    "no print": (1, "TRAIN.PRINT_FREQ is 0; it must be at least 1", "; TRAIN.PRINT_FREQ 0"),
    "texts at once": (1, "TEXTS_AT_ONCE is -1; give a number above 0, or 0", "; MODEL.TEXTS_AT_ONCE -1"),
    "seed too large": (2, "--seed .SEED. is 4294967296; it is at most 4294967295", "--seed 4294967296"),
    "epoch to load": (2, "--load-epoch .LOAD_EPOCH. is -2; it is an epoch, or -1 for the best one", f"{EVAL} --load-epoch -2"),
    "no deviation": (1, "GPA_STD is 0.0; it must be above 0", "; TRAINER.PROMPTSRC.GPA_STD 0"),
    "negative deviation": (1, "GPA_STD is -1.0; it must be above 0", "--trainer IVLP ; REGULATION.ENABLED True REGULATION.GPA_STD -1"),
    "more classes a batch than there are": (1, r"batches of 4 take 4 classes, 1 item\(s\) of each \(N_INS\), but the data has \d+ classes", "; DATALOADER.TRAIN_X.SAMPLER RandomClassSampler DATALOADER.TRAIN_X.N_INS 1"),
    "more domains than there are": (1, "N_DOMAIN is 2, but the data has 1 domains; 0 means all", "; DATALOADER.TRAIN_X.SAMPLER RandomDomainSampler DATALOADER.TRAIN_X.N_DOMAIN 2"),
    "size of one number": (1, r"INPUT.SIZE is \(48,\); it takes height and width", "; INPUT.SIZE '(48,)'"),
    "negative size": (1, r"INPUT.SIZE is \(-48, 48\); it takes height and width", "; INPUT.SIZE '(-48, 48)'"),
    "another backbone's size": (1, r"INPUT.SIZE is \(224, 224\), but backbone ViT-T/8-v2 takes 48 x 48 images; set INPUT.SIZE", "; INPUT.SIZE '(224, 224)'"),
    "two colours": (1, r"INPUT.PIXEL_MEAN is \[0.5, 0.5\]; it takes three numbers", "; INPUT.PIXEL_MEAN '[0.5, 0.5]'"),
    # prompts
    "no text layer": (1, "PROMPT_DEPTH_TEXT is 0; it must be at least 1", "; TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT 0"),
    "negative text depth": (1, "PROMPT_DEPTH_TEXT is -3; it must be at least 1", "; TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT -3"),
    "negative image depth": (1, "-1 layers deep .PROMPT_DEPTH_VISION.; neither may be negative", "; TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION -1"),
    "depth of VPT": (1, "PROMPT_DEPTH_VISION is 0; it must be at least 1", "--trainer VPT ; TRAINER.VPT.PROMPT_DEPTH_VISION 0"),
    "depth of MaPLe": (1, "0 layers .PROMPT_DEPTH.; both must be at least 1", "--trainer MaPLe ; TRAINER.MAPLE.PROMPT_DEPTH 0"),
    "no text vectors": (1, "0 vectors .N_CTX_TEXT.* set the vectors, or depth 0", "; TRAINER.PROMPTSRC.N_CTX_TEXT 0"),
    "negative image vectors": (1, "-1 vectors .N_CTX_VISION.*; neither may be negative", "; TRAINER.PROMPTSRC.N_CTX_VISION -1"),
    "no context of CoOp": (1, "N_CTX is 0; it must be at least 1", "--trainer CoOp ; TRAINER.COOP.N_CTX 0"),
    "no context of CoCoOp": (1, "N_CTX is -2; it must be at least 1", "--trainer CoCoOp ; TRAINER.COCOOP.N_CTX -2"),
    "context too long": (1, "80 text vectors .N_CTX, N_CTX_TEXT. leave no room for a class name; take at most 73", "; TRAINER.PROMPTSRC.N_CTX_TEXT 80"),
    "context of CoOp too long": (1, "900000000 text vectors .* take at most 73", "--trainer CoOp ; TRAINER.COOP.N_CTX 900000000"),
    "context and class name too long": (1, r"text 'X X .*ape ape.' is longer than CLIP's 77 tokens; shorten", "--trainer CoOp ; TRAINER.COOP.N_CTX 73 DATASET.CLASS_NAMES names.json", text(NAMES, json.dumps({"ape": "ape ape", "bat": "bat"}))),
    "fewer words than vectors": (1, "CTX_INIT 'a' has 1 tokens for 4 context vectors; give at least 4", "; TRAINER.PROMPTSRC.CTX_INIT a"),
    "word of two tokens": (1, "CTX_INIT 'xylophonist' has 1 words but . tokens; take words of one token", "--trainer CoOp ; TRAINER.COOP.CTX_INIT xylophonist"),
    "words too long": (1, "text '.*' is longer than CLIP's 77 tokens; shorten", f"; TRAINER.PROMPTSRC.CTX_INIT '{LONG}'"),
    "regulated zero-shot": (1, "REGULATION.ENABLED is for methods that learn prompts; ZeroshotCLIP learns nothing", "--trainer ZeroshotCLIP ; REGULATION.ENABLED True"),
    "weights of another node": (1, "REGULATION.GPA_MEAN is for other methods; PromptSRC has these keys in TRAINER.PROMPTSRC", "; REGULATION.GPA_MEAN 3"),
    "regulated twice": (1, "REGULATION.ENABLED is for other methods; PromptSRC has these keys in TRAINER.PROMPTSRC", "; REGULATION.ENABLED True"),
    # class names
    "name too long": (1, r"text '.*777.*' is longer than CLIP's 77 tokens; shorten the class name", "", images(f"train/{LONG}/0.png")),
    "name too long in names": (1, "is longer than CLIP's 77 tokens; shorten", "; DATASET.CLASS_NAMES names.json", text(NAMES, json.dumps({"ape": LONG, "bat": "bat"}))),
    "name too long in a table": (1, "is longer than CLIP's 77 tokens; shorten", CSV_DATA, text(TABLE, f"path,class,split\na.png,{LONG},train\nb.png,{LONG},test\n")),
    "one name for two": (1, "folders 'ape' and 'bat' have the class name 'bat', and CLIP cannot tell them apart; join them, or", "; DATASET.CLASS_NAMES names.json", text(NAMES, json.dumps({"ape": "bat", "bat": "bat"}))),
    "one name for two to CLIP": (1, "folders 'ape' and 'bat' have the class names 'big ape' and 'Big Ape'", "; DATASET.CLASS_NAMES names.json", text(NAMES, json.dumps({"ape": "big ape", "bat": "Big  Ape"}))),
    "no name for CLIP": (1, "{w}/mine: class name '&nbsp;' is empty to CLIP; use words", "; DATASET.CLASS_NAMES names.json", text(NAMES, json.dumps({"ape": "ape", "bat": "&nbsp;"}))),
    "capitals only": (1, "folders 'Ape' and 'ape' have the class names 'Ape' and 'ape'", "", images("train/Ape/0.png")),
    "underscores only": (1, "folders 'big ape' and 'big_ape' have the class names 'big ape' and 'big_ape'", "", images("train/big_ape/0.png", "train/big ape/0.png")),
    "empty name": (1, "names.json .DATASET.CLASS_NAMES. has no name for folder 'bat'; it needs", "; DATASET.CLASS_NAMES names.json", text(NAMES, '{"ape": "ape", "bat": " "}')),
    "missing name": (1, "has no name for folder 'bat'; it needs", "; DATASET.CLASS_NAMES names.json", text(NAMES, '{"ape": "ape"}')),
    "names are a list": (1, "has no name for folder 'ape'; it needs", "; DATASET.CLASS_NAMES names.json", text(NAMES, "[]")),
    "names are no JSON": (1, "{w}/mine/names.json is not JSON .*; correct or replace", "; DATASET.CLASS_NAMES names.json", text(NAMES, "{")),
    # split files
    "split cut off": (1, "split_zhou_EuroSAT.json is not JSON .*; correct or replace it", SPLIT_DATA, cut(SPLIT, 0.5)),
    "split not UTF-8": (1, "split_zhou_EuroSAT.json is not UTF-8 text .*; correct", SPLIT_DATA, data(SPLIT, b"\xff\xfe")),
    "split too deep": (1, "split_zhou_EuroSAT.json is not JSON .*; correct", SPLIT_DATA, text(SPLIT, "[" * 100_000)),
    "split is a list": (1, NO_SPLIT % "TypeError", SPLIT_DATA, text(SPLIT, "[]")),
    "split without test": (1, NO_SPLIT % "KeyError: 'test'", SPLIT_DATA, text(SPLIT, '{"train": [], "val": []}')),
    "label is text": (1, NO_SPLIT % "invalid literal for int.. .* 'x'", SPLIT_DATA, split(train=[["A/0.png", "x", "A"]])),
    "label is negative": (1, NO_SPLIT % "label -1 of 2750/A/0.png is below 0", SPLIT_DATA, split(train=[["A/0.png", -1, "A"]])),
    "label is infinite": (1, NO_SPLIT % "OverflowError", SPLIT_DATA, split(train=[["A/0.png", float("inf"), "A"]])),
    "label is huge": (1, r"{w}/eurosat: 1000000000 of the labels have no training image: 0 .*; complete", SPLIT_DATA, split(train=[["A/0.png", 10**9, "A"]], val=[], test=[])),
    "label of two names": (1, NO_SPLIT % "label 0 is both 'A' and 'B'", SPLIT_DATA, split(train=[["A/0.png", 0, "A"], ["B/0.png", 0, "B"]])),
    "empty name in a split": (1, NO_SPLIT % "class name of 2750/A/0.png is empty", SPLIT_DATA, split(train=[["A/0.png", 0, "_ "]])),
    "row too short": (1, NO_SPLIT % "not enough values", SPLIT_DATA, split(train=[["A/0.png", 0]])),
    "class without training": (1, r"1 of the labels have no training image: 1 \(B\); complete", SPLIT_DATA, split(train=[["A/0.png", 0, "A"]])),
    "nothing to test": (1, "{w}/eurosat: the test part of the split is empty; give it images", SPLIT_DATA, split(test=[])),
    "image that isn't there": (1, "1 of 2 images are missing, the first is {w}/eurosat/2750/A/0.png; restore", SPLIT_DATA, gone("eurosat/2750/A/0.png")),
    "not a cache": (1, "{w}/eurosat/split_fewshot/shot_1-seed_1.pkl is not a few-shot cache .*; delete it", SPLIT_DATA + " ; DATASET.NUM_SHOTS 1", saved("eurosat/split_fewshot/shot_1-seed_1.pkl", Evil())),
    # tables
    "no table": (1, "no table {w}/table/other.csv; set DATASET.CSV_FILE", CSV_DATA + " ; DATASET.CSV_FILE other.csv"),
    "column missing": (1, "images.csv, line 1 has no column class; it needs path,class and has path, kind, split", CSV_DATA, text(TABLE, "path,kind,split\n")),
    "empty table": (1, "images.csv, line 1 has no column path, class; it needs", CSV_DATA, text(TABLE, "")),
    "unknown part": (1, "images.csv, line 2 is 'a.png,ape,holdout'; it needs .* train, val or test", CSV_DATA, text(TABLE, "path,class,split\na.png,ape,holdout\n")),
    "class missing": (1, "images.csv, line 2 is 'a.png,train'; it needs", CSV_DATA, text(TABLE, "path,class,split\na.png,,train\n")),
    "image missing": (1, "images.csv: 1 of 2 images are missing, the first is {w}/table/z.png; restore it, or correct line 2", CSV_DATA, text(TABLE, "path,class,split\nz.png,ape,train\nb.png,ape,test\n")),
    "table not UTF-8": (1, "images.csv is not UTF-8 text .*; correct", CSV_DATA, data(TABLE, "path,class,split\na.png,äpe,train\n".encode("latin-1"))),
    "two spellings in a table": (1, "images.csv: lines 2 and 3 have the class names 'ape' and 'Ape'", CSV_DATA, text(TABLE, "path,class,split\na.png,ape,train\nb.png,Ape,test\n")),
    "no part, no shares": (1, "images.csv has no column split .train, val or test.; add it, or set DATASET.SPLIT, such as", CSV_DATA, text(TABLE, "path,class\na.png,ape\n")),
    "parts and shares": (1, "images.csv has a column split, so DATASET.SPLIT .* does not apply", CSV_DATA + " ; DATASET.SPLIT (0.5,0,0.5)"),
    "a workbook": (1, "images.csv is not a table but an Excel workbook; save it as CSV", CSV_DATA, data(TABLE, b"PK\x03\x04...")),
    "COCO": (1, "images.csv is not a table but JSON; write a table with one line and one class per image", CSV_DATA, text(TABLE, '{"images": [], "annotations": []}')),
    "one column per class": (1, r"a column of zeros and ones for each class \(ape, bat\); it needs a column class: .*multi-label data is not supported", CSV_DATA, text(TABLE, "path,ape,bat,split\na.png,0,1,train\nb.png,1,1,test\n")),
    "two classes of an image": (1, "images.csv, line 3 has a.png as 'bat', but line 2 as 'ape'; give one line and one class", CSV_DATA, text(TABLE, "path,class,split\na.png,ape,train\na.png,bat,test\n")),
    "cell too long": (1, "images.csv is not a table .field larger than field limit.*; it needs lines of", CSV_DATA, text(TABLE, f"path,class,split\n{'a' * (csv.field_size_limit() + 1)},b,train\n")),
    # checkpoints
    "no run to test": (1, "{w}/none has no checkpoint; is it the folder of one run", f"{EVAL} --model-dir {{w}}/none"),
    "no run is named": (1, "--eval-only tests a trained PromptSRC; name its run with --model-dir", "--eval-only"),
    "another epoch": (1, "has no checkpoint of epoch 7 in VLPromptLearner; it has VLPromptLearner/model.pth.tar-1", f"{EVAL} --load-epoch 7"),
    "no best one": (1, "{w}/old has no best checkpoint in VLPromptLearner; it has VLPromptLearner/model.pth.tar-1", "--eval-only --model-dir {w}/old"),
    "another method's folder": (1, "{w}/old has no checkpoint of epoch 1 in prompt_learner; it has VLPromptLearner/model.pth.tar-1", f"{EVAL} {OF_COOP}"),
    "another method's prompts": (1, "tar-1 does not fit this method and its settings: .*is missing", EVAL, saved(f"old/{LEARNED}", {"state_dict": {"ctx": torch.ones(4, 128)}, "epoch": 1})),
    "a run of another method": (1, "--model-dir {w}/old is a run with other settings: TRAINER.NAME .there: IVLP, here: PromptSRC", EVAL, text("old/config.yaml", "TRAINER: {NAME: IVLP}\n")),
    "a run of no configuration": (1, "{w}/old/config.yaml is not the configuration of a run; restore or delete it", EVAL, text("old/config.yaml", "!!timestamp x\n")),
    "cut checkpoint": (1, NO_CHECKPOINT, EVAL, cut(f"old/{LEARNED}", 0.5)),
    "empty checkpoint": (1, NO_CHECKPOINT, EVAL, data(f"old/{LEARNED}", b"")),
    "text for a checkpoint": (1, NO_CHECKPOINT, EVAL, text(f"old/{LEARNED}", "none")),
    "checkpoint with code": (1, NO_CHECKPOINT, EVAL, saved(f"old/{LEARNED}", {"state_dict": Evil(), "epoch": 1})),
    "other content": (1, "tar-1 is not a checkpoint: it needs state_dict", EVAL, saved(f"old/{LEARNED}", {"a": 1})),
    "numbered tensors": (1, "tar-1 is not a checkpoint: it needs state_dict, tensors by name", EVAL, saved(f"old/{LEARNED}", {"state_dict": {1: torch.ones(1)}, "epoch": 1})),
    "nothing to resume": (1, "nothing to resume in {w}/none: a run of PromptSRC leaves VLPromptLearner/checkpoint", "--resume {w}/none"),
    "cut checkpoint to resume": (1, "checkpoint {w}/old/.*tar-1 can't be read .*; restore or delete it", "--resume {w}/old", both(cut(f"old/{LEARNED}", 0.5), text("old/VLPromptLearner/checkpoint", "model.pth.tar-1\n"))),
    # weights
    "other weights": (1, "{w}/weights.pt holds no CLIP: of its 1 tensors, token_embedding.weight must be one", WEIGHTS),
    "empty weights": (1, NO_WEIGHTS, WEIGHTS, data("weights.pt", b"")),
    "text for weights": (1, NO_WEIGHTS, WEIGHTS, text("weights.pt", "none")),
    "cut weights": (1, NO_WEIGHTS, WEIGHTS, cut("weights.pt", 0.5)),
    "flipped weights": (1, NO_WEIGHTS, WEIGHTS, flipped("weights.pt", 64)),
    "weights with code": (1, NO_WEIGHTS, WEIGHTS, saved("weights.pt", Evil())),
    "weights without tensors": (1, NO_WEIGHTS, WEIGHTS, saved("weights.pt", {"a": 1})),
    "weights are a list": (1, NO_WEIGHTS, WEIGHTS, saved("weights.pt", [1])),
    "no safetensors": (1, NO_WEIGHTS, "--backbone {w}/weights.safetensors", text("weights.safetensors", "none")),
    "folder for weights": (1, "{w} has no model.safetensors, .*; it has eurosat, mine, .*: give the file of weights itself", "--backbone {w}"),
    # configuration files
    "no config": (2, "no config file {w}/none.yaml; {w} has mine.yaml, table.yaml", "--config-file {w}/none.yaml"),
    "folder for a config": (2, "no config file {w}; .* has", "--config-file {w}"),
    "no YAML": (2, "{w}/bad.yaml is not YAML: .*line 1, column", CONFIG, text("bad.yaml", "OPTIM: [1")),
    "tabs": (2, "{w}/bad.yaml is not YAML: .*cannot start any token.*line 2", CONFIG, text("bad.yaml", "OPTIM:\n\tLR: 1\n")),
    "config not UTF-8": (2, "{w}/bad.yaml is not YAML: 'utf-8' codec", CONFIG, data("bad.yaml", b"\xff")),
    "config is a list": (2, "{w}/bad.yaml is not a KEY: VALUE mapping; configs/", CONFIG, text("bad.yaml", "- OPTIM\n")),
    "empty config": (2, "{w}/bad.yaml is not a KEY: VALUE mapping", CONFIG, text("bad.yaml", "")),
    "key twice": (2, "{w}/bad.yaml is not YAML: duplicate key LR .*line 3", CONFIG, text("bad.yaml", "OPTIM:\n  LR: 1\n  LR: 2\n")),
    "unknown key in a file": (2, "OPTIM.LRR .{w}/bad.yaml. is not a config key; did you mean OPTIM.LR", CONFIG, text("bad.yaml", "OPTIM: {LRR: 1}\n")),
    "wrong kind in a file": (2, r"OPTIM.MAX_EPOCH .{w}/bad.yaml. is \[1\]; it takes a whole number such as 10", CONFIG, text("bad.yaml", "OPTIM: {MAX_EPOCH: [1]}\n")),
    "not a number in a file": (2, "OPTIM.LR .{w}/bad.yaml. is nan; it takes a finite number", CONFIG, text("bad.yaml", "OPTIM: {LR: .nan}\n")),
    "Python in a config": (2, "{w}/bad.yaml is not YAML: could not determine a constructor", CONFIG, text("bad.yaml", "OPTIM: !!python/object/apply:os.getcwd []\n")),
    "date that isn't": (2, "{w}/bad.yaml is not YAML: month must be in", CONFIG, text("bad.yaml", "OUTPUT_DIR: 2001-99-99\n")),
    "config too deep": (2, "{w}/bad.yaml is not YAML: .*recursion", CONFIG, text("bad.yaml", "[" * 5000)),
    # where nothing can be written
    "file for an output": (1, "--output-dir .OUTPUT_DIR. {w}/mine.yaml can't be made .*; use another", "--output-dir {w}/mine.yaml"),
    "output below a file": (1, "--output-dir .OUTPUT_DIR. {w}/mine.yaml/run can't be", "--output-dir {w}/mine.yaml/run"),
    "output where nobody writes": (1, "--output-dir .OUTPUT_DIR. /proc/none can't be made", "--output-dir /proc/none"),
    "output of another run": (1, r"{w}/old holds a run with another configuration: OPTIM.LR .there: 7.0, here: 0.\S+.; use another --output-dir", "--output-dir {w}/old", text("old/config.yaml", "OPTIM: {LR: 7.0}\n")),
}
# fmt: on


@pytest.mark.parametrize("name", TRAIN)
def test_training(name, world, capsys):
    case = Case(*TRAIN[name])
    case.change(world)
    before = on_disk(world)
    assert code_of(train.main, command(world, case.words)) == case.code
    assert_one_line(capsys.readouterr().err, case.says, world)
    assert on_disk(world) == before
    assert not Path("/tmp/bad-input-was-unpickled").exists()


PROCESS = (
    {
        f"unreadable image, {n} workers": Case(
            1, NOT_READ, f"; DATALOADER.NUM_WORKERS {n}", cut("mine/train/ape/0.png", 0.6)
        )
        for n in (0, 1, 2)
    }
    | {
        f"unreadable published image, {n} workers": Case(
            1,
            NOT_READ.replace("mine/train/ape", "eurosat/2750/A"),
            f"{SPLIT_DATA} ; DATALOADER.NUM_WORKERS {n}",
            cut("eurosat/2750/A/0.png", 0.6),
        )
        for n in (0, 1, 2)
    }
    | {
        "config is a list": Case(
            2, "{w}/bad.yaml is not a KEY: VALUE mapping", CONFIG, text("bad.yaml", "- OPTIM")
        )
    }
)


@pytest.mark.parametrize("name", PROCESS)
def test_training_as_a_process(world, name):
    case = PROCESS[name]
    case.change(world)
    before = on_disk(world)
    words = [sys.executable, "train.py", *command(world, case.words)]
    code, err = ended(words)
    assert code == case.code
    assert_one_line(err, case.says, world)
    assert on_disk(world) == before


def ended(words):
    """Exit code and standard error of a command that leaves no process."""
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _, err = process.communicate()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return process.returncode, err


KILLED = """
import os, signal, sys
import train
from dassl.data import data_manager, image_cache

def read(path, *how):
    if path.endswith("{image}"):
        os.kill(os.getpid(), signal.SIGKILL)
    return read_image(path, *how)

read_image = data_manager.read_image
data_manager.read_image = image_cache.read_image = read
sys.exit(train.main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_loading_process_is_one_line_and_the_same_command_resumes(world, workers):
    words = command(world, f"; DATALOADER.NUM_WORKERS {workers} DATALOADER.TRAIN_X.BATCH_SIZE 1")
    code, err = ended([sys.executable, "-c", KILLED.format(image="train/bat/1.png"), *words])
    assert code == 75
    stopped = "stopped; rerun the same command to resume"
    where = r"in epoch 1 after batch \d of 6; its state is saved"
    assert re.fullmatch(rf"{stopped} \(SIGKILL of a loading .* {where}\)\n", err)
    assert (world / "out/run/unfinished.state").is_file()
    code, err = ended([sys.executable, "-c", KILLED.format(image="test/bat/1.png"), *words])
    assert code == 75
    assert err == f"{stopped} (SIGKILL of a loading process (out of memory?))\n"
    assert ended([sys.executable, "train.py", *words]) == (0, "")


@pytest.mark.parametrize(
    "words, kind", [("--root {w}/no", FileNotFoundError), ("; OPTIM.MAX_EPOCH x", ValueError)]
)
def test_debug_shows_where_it_arose(world, words, kind):
    with pytest.raises(kind):
        train.main(["--debug", *command(world, words)])


def test_without_a_dataset_the_trainer_is_one_of_the_embedded_benchmark(world, capsys):
    assert train.main(["--trainer", "PromptSRCC", "--output-dir", str(world / "out")]) == 2
    assert_one_line(
        capsys.readouterr().err,
        "--trainer is 'PromptSRCC'; without a dataset use CLAP, .*Zero",
        world,
    )


SWEEP = "base2new --root {w} --output {w}/out --datasets eurosat --configs vit_t8"
COMMANDS = {
    # command: (exit code, what the line says, what is done before)
    "sweep": {
        "base2neww --root {w}": (2, "no protocol 'base2neww'; choose from base2new"),
        f"{SWEEP} --root {{w}}/no": (2, "--root is {w}/no, not a folder; it is the one that"),
        f"{SWEEP} --datasets eurosatt": (
            2,
            "no dataset 'eurosatt'; configs/datasets has caltech101",
        ),
        f"{SWEEP} --methods PromptSRCC": (
            2,
            "no method files of 'PromptSRCC'; .*trainers has CLAP",
        ),
        f"{SWEEP} --configs vit_l": (
            2,
            "no method file of PromptSRC starts with 'vit_l'; .* has vit_b16",
        ),
        f"{SWEEP} --workers 0": (2, "--workers is 0; it must be at least 1"),
        f"{SWEEP} --seeds 1 -1": (2, "--seeds has -1; seeds are 0 or above"),
        f"{SWEEP} --seeds one": (2, "--seeds: invalid int value: 'one'"),
        f"{SWEEP} --shots 0": (2, "--shots has 0; shots are 1 or above"),
        f"{SWEEP} --set OPTIM.LRR 1": (
            2,
            "OPTIM.LRR .command line. is not a config key; did you mean OPTIM.LR",
        ),
        f"{SWEEP} --set OPTIM.LR": (2, "'OPTIM.LR' has no value"),
        f"{SWEEP} --set SEED 1": (
            2,
            "SEED is part of the folder's name, not for KEY VALUE pairs; use --seeds",
        ),
        f"{SWEEP} --cluster pbs": (2, "--cluster: invalid choice: 'pbs'"),
        f"{SWEEP} --cluster local --cluster-options timeout": (
            2,
            "--cluster-options has 'timeout'; it takes KEY=VALUE",
        ),
        f"{SWEEP} --output {{w}}/mine.yaml": (
            2,
            "--output is {w}/mine.yaml, a file; it takes a folder",
        ),
        "": (2, "arguments are required: --root"),
    },
    "script": {
        "": (2, "arguments are required: KIND, TRAINER"),
        "base2new_trane PromptSRC eurosat 1": (
            2,
            "KIND: invalid choice: 'base2new_trane' .choose from .*base2new_train",
        ),
        "base2new_train PromptSRC eurosat": (
            2,
            "base2new_train takes DATASET SEED .*; SEED is missing",
        ),
        "base2new_train PromptSRC eurosat one": (2, "SEED is 'one'; it takes a whole number"),
        "few_shot PromptSRCC eurosat 1": (2, "few-shot has no settings for method 'PromptSRCC'"),
    },
    "report": {
        "{w}/none": (1, "^error: no folder {w}/none$"),
        "{w}": (1, "{w} has no results of finished runs"),
        "": (2, "arguments are required: output"),
        "{w}/results --to {w}/mine.yaml": (1, "File exists: '{w}/mine.yaml'"),
        "{w}/damaged": (1, "config.yaml is not YAML: .*; correct or replace it"),
        "{w}/results --compare PromptSRC": (2, "argument --compare: expected 2 arguments"),
        "{w}/results --compare PromptSRC CoOp": (
            2,
            "no base-to-new results of 'CoOp'; the results have PromptSRC",
        ),
        "{w}/none --compare PromptSRC CoOp": (2, "--compare is for a folder of results"),
    },
    "parse_test_res": {
        "{w}/none": (1, "no folder {w}/none"),
        "{w}/mine.yaml": (1, "no folder {w}/mine.yaml"),
        "": (2, "arguments are required: directory"),
        "{w}/old --test-log": (1, "no result in {w}/old; remove --test-log"),
        "{w}/empty": (
            1,
            "no result in {w}/empty; for logs of tests add --test-log",
        ),
    },
    "export": {
        "{w}/none {w}/p.safetensors": (1, "no file {w}/none"),
        "{w}/weights.pt {w}/p.bin": (
            2,
            "FILE is {w}/p.bin; its name has to end in .safetensors",
        ),
        "{w}/weights.pt {w}/p.safetensors": (
            1,
            "{w}/weights.pt is not a checkpoint: it needs state_dict",
        ),
        f"{{w}}/old/{LEARNED} {{w}}/p.safetensors": (
            1,
            "does not say its method and backbone.* --backbone ViT-B/16",
        ),
        f"{{w}}/old/{LEARNED} {{w}}/p.safetensors --backbone RN50": (
            2,
            "--backbone and --ctx-init belong together",
        ),
        f"{{w}}/old/{LEARNED} {{w}}/no/p.safetensors --backbone RN50 --ctx-init ''": (
            1,
            "no folder {w}/no to write p.safetensors to",
        ),
        "{w}/damaged.safetensors {w}/p.safetensors": (
            1,
            "{w}/damaged.safetensors does not hold prompts",
        ),
    },
    "check": {
        "--root {w}/no": (2, "{w}/no is not a folder; give your own images, or the one that has"),
        "{w}/no": (2, "{w}/no is not a folder; give your own images, or the one that has"),
        "{w} OxfordPetz": (2, "no dataset 'OxfordPetz'; did you mean OxfordPets?"),
        "{w} birds": (2, "no dataset 'birds'; choose from OxfordPets, "),
        "OxfordPets": (2, "name a folder or a table first: python -m datasets.check photos"),
        "": (2, "name a folder or a table first"),
    },
    "demo": {
        "--compair": (2, "unrecognized arguments: --compair"),
        "--output-dir": (2, "--output-dir: expected one argument"),
        "here": (2, "unrecognized arguments: here"),
    },
}
MAINS = {"sweep": sweep, "script": script, "report": report, "parse_test_res": parse_test_res}
MAINS |= {"export": export, "check": check, "demo": demo}


@pytest.mark.parametrize(
    "name, words", [(name, words) for name, cases in COMMANDS.items() for words in cases]
)
def test_other_commands(name, words, world, capsys, in_root, monkeypatch):
    monkeypatch.setenv("DATA", str(world))
    (world / "empty" / "seed1").mkdir(parents=True)
    (world / "damaged.safetensors").write_bytes(b"none")
    for folder, config in {"results": "{}", "damaged": "["}.items():
        run = (
            world
            / folder
            / "base2new/train_base/dtd/shots_16/PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx/seed1"
        )
        run.mkdir(parents=True)
        (run / "log.txt").write_text("Finish training\n=> result\n* accuracy: 50.0%\n")
        (run / "config.yaml").write_text(config)
    before = on_disk(world)
    code, pattern = COMMANDS[name][words]
    assert code_of(MAINS[name].main, words_of(words, world)) == code
    err = capsys.readouterr().err
    if name == "parse_test_res" and words:  # what each run lacks comes before
        err = err.splitlines(keepends=True)[-1]
    assert_one_line(err, pattern, world)
    assert on_disk(world) == before


WORKS = {
    # what: (words, what it prints)
    "more shots than images": ("; DATASET.NUM_SHOTS 9", "# train_x  6"),
    "deeper than the towers": (
        "; TRAINER.IVLP.PROMPT_DEPTH_TEXT 99 TRAINER.IVLP.PROMPT_DEPTH_VISION 99",
        "accuracy",
    ),
    "a batch larger than the data": ("; DATALOADER.TRAIN_X.BATCH_SIZE 99", r"batch \[1/1\]"),
    "a number for a name": ("--output-dir {w}/2024", "accuracy"),
    "one class": (f"{CSV_DATA} ; DATALOADER.TRAIN_X.BATCH_SIZE 1", "accuracy: 100.0%"),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_only_looks_wrong_works(name, world, capsys):
    words, pattern = WORKS[name]
    assert train.main(command(world, f"{OF_IVLP} {words}")) == 0
    logs = (log.read_text() for log in world.rglob("log.txt"))
    assert re.search(pattern, "\n".join(logs))


@pytest.mark.parametrize("flag", ["root", "output-dir"])
def test_a_name_that_looks_like_python_stays_text(world, flag):
    key = {"root": "ROOT", "output-dir": "OUTPUT_DIR"}[flag]
    for name in ("2024", "(1, 2)", "{[]}", "'a'"):
        cfg = train.setup_config(train.parse_args([f"--{flag}", name, "DATASET.NAME", "CSV"]))
        assert name in (cfg.get(key), cfg.DATASET.get(key))


def test_paths_with_blanks_and_signs_of_all_kinds_work(world, tmp_path):
    odd = tmp_path / "dätä set 数据 'q' $(x) \"y\""
    world.rename(odd)
    for part in ("train", "test"):
        (odd / "mine" / part / "ape").rename(odd / "mine" / part / "Großer_Affe 🦍")
    assert train.main(command(odd, "; DATASET.NUM_SHOTS 2")) == 0
    test = "--eval-only --model-dir {w}/out/run --load-epoch 1 --output-dir {w}/out/test"
    assert train.main(command(odd, f"{test} ; DATASET.NUM_SHOTS 2")) == 0
    assert (odd / "mine" / "split_fewshot" / "shot_2-seed_1.json").is_file()
