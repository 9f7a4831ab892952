"""Readers against content that hypothesis makes up: the promised result, or a stated error.

The examples are the same in every run.
"""

import io
import json
import pickle
from itertools import chain

import pytest
import torch
import yaml
from dassl.utils import load_checkpoint, read_image
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from yacs.config import CfgNode

from datasets import csv_file, table
from datasets.files import read_mat, read_rows
from datasets.shots import fingerprint, read_pickle, read_shots
from datasets.splits import Item, Split, read_split
from promptsrc.checkpoint import read_checkpoint
from promptsrc.clip.frozen import build_clip
from promptsrc.clip.plain import encode_text as plain
from promptsrc.clip.text import embed, tokenize
from promptsrc.clip.tokens import readable, tokenizer
from promptsrc.clip.towers import encode_text
from promptsrc.command import one_line
from promptsrc.inference.prompt_file import read_prompts
from promptsrc.weights.names import read_weights
from runs import saved_config
from runs.config import default_config, merge_file, merge_pairs
from runs.results import TESTED, TRAINED, parse_log
from tests import tiny_clip
from tests.promptsrc.clip.test_towers import float64

pytestmark = pytest.mark.slow  # as a whole


def fuzz(count):
    """A test of `count` examples, all in the same file."""
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(
        max_examples=count, derandomize=True, deadline=None, suppress_health_check=health
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


def attempt(call, *arguments, errors=(ValueError,)):
    """What the call returns; None after one of its stated errors, whose text is one line."""
    try:
        return call(*arguments)
    except errors as error:
        line = one_line(error)
        assert line and "\n" not in line
        return None


@st.composite
def damaged(draw, content):
    """The content cut off, with bits flipped, or with other bytes in between."""
    kind = draw(st.sampled_from(["cut", "flip", "put"]))
    place = draw(st.integers(0, len(content) - 1))
    if kind == "cut":
        return content[:place]
    if kind == "put":
        return (
            content[:place]
            + draw(st.binary(max_size=20))
            + content[place + draw(st.integers(0, 20)) :]
        )
    flipped = bytearray(content)
    for place in draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        flipped[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(flipped)


def flat_keys(cfg, prefix=""):
    for key, value in cfg.items():
        yield prefix + key
        if isinstance(value, CfgNode):
            yield from flat_keys(value, f"{prefix}{key}.")


DEFAULTS = default_config()
KEYS = st.sampled_from(sorted(flat_keys(DEFAULTS)))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
LITERALS = st.sampled_from(
    [
        "(224, 224)",
        "[]",
        "1e5",
        "0x10",
        "'a'",
        "{[]}",
        "1e999",
        "-1",
        "(" * 300,
        "f''",
        "1if 1else 1",
    ]
)
NAMES = st.sampled_from(sorted({key.rpartition(".")[2] for key in flat_keys(DEFAULTS)}))
NESTED = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=4)
    ),
)


def same_kinds(cfg, default):
    """Whether no key came, went, or became another kind of value."""
    return cfg.keys() == default.keys() and all(
        same_kinds(value, default[key])
        if isinstance(value, CfgNode)
        else type(value) is type(default[key])
        for key, value in cfg.items()
    )


@fuzz(80)
@given(
    st.lists(st.tuples(KEYS | st.text(), st.text(max_size=12) | LITERALS), max_size=3),
    st.lists(st.text(), max_size=1),
)
def test_pairs_are_merged_or_refused(pairs, odd):
    cfg = default_config()
    attempt(merge_pairs, cfg, [*(word for pair in pairs for word in pair), *odd])
    assert same_kinds(cfg, DEFAULTS)


@fuzz(80)
@given(
    st.dictionaries(NAMES, NESTED, max_size=3).map(yaml.safe_dump)
    | st.text(alphabet="!&*<>[]{}:-? \n\t'\"|%@#ab1.~=", max_size=30)
)
def test_a_file_is_merged_or_refused(file, content):
    cfg = default_config()
    file.write_text(content)
    attempt(merge_file, cfg, str(file))
    assert same_kinds(cfg, DEFAULTS)
    attempt(saved_config.differences, file, saved_config.plain(cfg))


VALID_CONFIG = DEFAULTS.dump().encode()


@fuzz(15)
@given(damaged(VALID_CONFIG) | st.binary())
def test_a_damaged_configuration_is_merged_or_refused(file, content):
    cfg = default_config()
    file.write_bytes(content)
    attempt(merge_file, cfg, str(file))
    assert same_kinds(cfg, DEFAULTS)
    attempt(saved_config.differences, file, {"OPTIM.LR": 1})


LOG = st.sampled_from(
    [*TRAINED, *TESTED, "* accuracy: ", "%", "\n", "1e", "+5", "87.5", "e", ".", "nan", "٣", " "]
)


@fuzz(200)
@given(st.lists(LOG, max_size=15).map("".join).map(str.encode) | st.binary())
def test_a_log_has_a_number_or_none(file, content):
    file.write_bytes(content)
    for signals in (TRAINED, TESTED):
        found = parse_log(file, signals)
        assert found is None or found >= 0


JSON = st.recursive(
    SCALARS.filter(lambda x: x is None or isinstance(x, bool | int | float | str)),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)
ROW = (
    st.tuples(
        st.text(max_size=5),
        st.integers(-2, 3) | st.floats() | st.text(max_size=2),
        st.text(max_size=5),
    )
    | JSON
)
SPLITS = st.fixed_dictionaries(
    {part: st.lists(ROW, max_size=3) for part in ("train", "val", "test")}
)
VALID_SPLIT = json.dumps(
    {
        part: [[f"a/{i}.jpg", i % 2, "ab"[i % 2]] for i in range(4)]
        for part in ("train", "val", "test")
    }
)


@fuzz(150)
@given(
    (SPLITS | JSON).map(json.dumps).map(str.encode) | damaged(VALID_SPLIT.encode()) | st.binary()
)
def test_a_split_has_paths_labels_and_names_or_is_refused(file, content):
    file.write_bytes(content)
    for item in chain(*(attempt(read_split, file, "images") or ())):
        assert (
            isinstance(item.path, str)
            and item.label >= 0
            and item.classname.replace("_", " ").strip()
        )


CELLS = st.lists(
    st.sampled_from(
        ["a", "ape", "train", "val", "test", ",", "\n", '"', "'", " ", "\0", "\r", "ä"]
    ),
    max_size=40,
).map("".join)


@fuzz(150)
@given(
    CELLS.map(lambda cells: f"path,class,split\n{cells}".encode())
    | damaged(b"path,class,split\na,ape,train\nb,bat,test\n")
)
def test_a_table_is_read_or_refused(file, content):
    file.write_bytes(content)
    read = attempt(table.read, file)
    found = read and attempt(csv_file.split, read, file, file.parent, ())
    assert found is None or (
        found.train and all(item.path and item.classname for part in found for item in part or ())
    )
    attempt(read_rows, file, r"(\d+) (\w+)", "a number and a word")


SPLIT = Split([Item("a/0.jpg", 0, "a"), Item("a/1.jpg", 1, "b")], None, [])
DIGEST = fingerprint(SPLIT)


@fuzz(100)
@given(
    JSON
    | st.dictionaries(st.sampled_from(["train", "val", "x"]), st.lists(ROW, max_size=2), max_size=3)
)
def test_a_cache_of_shots_holds_items_or_is_drawn_again(file, shots):
    file.write_text(json.dumps({"split": DIGEST, "shots": shots}))
    found = read_shots(file, DIGEST)
    assert found is None or all(
        isinstance(item.path, str) and item.label >= 0 for part in found.values() for item in part
    )


VALID_PICKLE = pickle.dumps({"train": [], "val": []})
# a few-shot cache, {"train": [Datum]}, written by hand so that no Datum is needed
BUILT = (
    b"\x80\x03}X\x05\x00\x00\x00train]cdassl.data.datasets.base_dataset\nDatum\n)\x81}(X\x07\x00\x00\x00_impathX\x05\x00\x00\x00a.jpg"
    b"X\x06\x00\x00\x00_labelK\x00X\x0a\x00\x00\x00_classnameX\x01\x00\x00\x00aubas."
)


@fuzz(200)
@given(damaged(BUILT) | damaged(VALID_PICKLE) | st.binary())
def test_a_pickled_cache_is_read_or_refused(file, content):
    file.write_bytes(content)
    attempt(read_pickle, file)


def test_a_few_bytes_of_pickle_do_not_take_all_memory(file):
    file.write_bytes(b"Nr\xff\xff\xff\x7f.")  # puts None at place 2^31 of a list
    with pytest.raises(ValueError, match="it stores an object at index 2147483647"):
        read_pickle(file)
    file.write_bytes(BUILT)
    assert read_pickle(file) is None  # as it should be, but for its image


@fuzz(40)
@given(st.binary(max_size=300))
def test_a_matlab_file_is_read_or_refused(file, content):
    file.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + content)
    attempt(read_mat, file, "labels", errors=(ValueError, OSError))


def bytes_of(save, content):
    buffer = io.BytesIO()
    save(content, buffer)
    return buffer.getvalue()


CHECKPOINT = bytes_of(
    torch.save,
    {
        "state_dict": {"prompt_learner.ctx": torch.ones(2, 3)},
        "epoch": 1,
        "trainer_state": {"prompts": {"method": "IVLP"}},
    },
)


@fuzz(200)
@given(damaged(CHECKPOINT) | st.binary())
def test_a_checkpoint_is_read_or_refused(file, content):
    file.write_bytes(content)
    found = attempt(read_checkpoint, file)
    assert found is None or isinstance(found["epoch"], int)
    found = attempt(load_checkpoint, str(file))
    assert found is None or isinstance(found, dict)
    attempt(read_prompts, file)
    attempt(read_weights, str(file))


@pytest.fixture(scope="module")
def safetensors(tmp_path_factory):
    path = tmp_path_factory.mktemp("shared") / "prompts.safetensors"
    description = {
        "method": "IVLP",
        "backbone": "ViT-T/8",
        "learner": "DeepPrompts",
        "settings": {},
    }
    save_file({"prompt_learner.ctx": torch.ones(2, 3)}, path, {"prompts": json.dumps(description)})
    return path, path.read_bytes()


@fuzz(250)
@given(st.data())
def test_shared_prompts_are_read_or_refused(safetensors, data):
    path, content = safetensors
    path.write_bytes(data.draw(damaged(content) | st.binary()))
    found = attempt(read_prompts, path)
    assert found is None or isinstance(found.description, dict)
    attempt(read_weights, str(path))


IMAGES = {
    kind: bytes_of(lambda image, f, kind=kind: image.save(f, kind), Image.new("RGB", (9, 7), "red"))
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
}


@fuzz(150)
@given(st.sampled_from(sorted(IMAGES)).flatmap(lambda kind: damaged(IMAGES[kind])) | st.binary())
@pytest.mark.filterwarnings("ignore")  # of Pillow, about what is odd in a file
def test_an_image_is_read_or_refused(file, content):
    file.write_bytes(content)
    found = attempt(read_image, str(file), errors=(OSError,))
    assert found is None or found.mode == "RGB"


WORDS = st.sampled_from(
    [
        "ape",
        "x" * 30,
        "<|endoftext|>",
        "<|startoftext|>",
        "_",
        " ",
        "\u200d",
        "🦍",
        "ß",
        "1",
        "&amp;",
        "\ud800",
    ]
)
NAME = st.text(max_size=40) | st.lists(WORDS, max_size=60).map("".join)


@fuzz(200)
@given(st.lists(NAME, min_size=1, max_size=3))
def test_any_class_name_is_tokenised_or_refused(names):
    texts = [f"a photo of a {readable(name)}." for name in names]
    tokens = attempt(tokenize, texts)
    if tokens is None:
        assert any(len(tokenizer.encode(text)) > 75 for text in texts)
    else:
        assert (
            tokens.shape == (len(names), 77)
            and (tokens[:, 0] == 49406).all()
            and (tokens == 49407).any(1).all()
        )


@pytest.fixture(scope="module")
def small():
    sizes = {
        "text_width": 64,
        "text_layers": 2,
        "vision_width": 64,
        "vision_layers": 1,
        "embed_dim": 16,
    }
    return float64(build_clip(tiny_clip.tiny_clip_state_dict(0, **sizes)))


@fuzz(60)
@given(st.lists(NAME, min_size=1, max_size=4))
def test_any_class_names_packed_give_the_plain_features(small, names):
    rows = attempt(embed, small, [f"a photo of a {readable(name)}." for name in names], 4)
    if rows is not None:
        vectors = torch.linspace(-1, 1, 4 * 64, dtype=torch.float64).view(4, 64)
        prompts = {0: vectors, 1: vectors}
        torch.testing.assert_close(
            encode_text(small, rows, prompts), plain(small, rows, prompts), atol=1e-9, rtol=0
        )
