"""The house: which room may import which; root files are short; no arrow runs both ways."""

import ast
from itertools import combinations

import pytest

from tests.conftest import ROOT

COMMANDS = {"train.py", "predict.py", "parse_test_res.py", "demo.py"}
ALLOWED = {  # importing room: imported rooms
    "promptsrc": set(),
    "dassl": set(),
    "datasets": {"dassl", "promptsrc"},
    "trainers": {"dassl", "promptsrc"},
    "runs": {"dassl", "promptsrc", "trainers", "datasets"},
    "report": {"dassl", "promptsrc", "runs", "trainers", "datasets"},
    "sweep": {"promptsrc", "runs", "report", "trainers", "datasets"},
    "benchmarks": {"dassl", "promptsrc", "runs", "trainers", "sweep"},
    "tools": {"dassl", "promptsrc", "runs", "trainers", "datasets", "sweep"},
    "commands": {"promptsrc", "runs", "report", "sweep", "tools"},
}
# datasets takes from promptsrc only what reads files safely and ends commands
LENT_TO_DATASETS = {
    "promptsrc.command",
    "promptsrc.escape",
    "promptsrc.files",
    "promptsrc.inference.classnames",
    "promptsrc.inference.endings",
    "promptsrc.inference.images",
    "promptsrc.inference.listing",
    "promptsrc.inference.reader",
    "promptsrc.weights.names",
    "promptsrc.weights.pickles",
}
SHARED = {  # by all trainers
    *("base", "checkpoints", "compiled", "cost", "cross_entropy", "feature_file", "features"),
    *("keys", "memory", "pack", "parts", "process_state", "register", "scored", "words"),
}
LONGEST_COMMAND = 60  # lines


def files(room):
    if room == "commands":
        return [ROOT / name for name in COMMANDS]
    return (ROOT / ("engine/dassl" if room == "dassl" else room)).rglob("*.py")


def imports(path):
    """The modules that a file imports, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_rooms(room):
    """Room: an example, `file imports module`."""
    return {
        module.split(".")[0]: f"{path.relative_to(ROOT)} imports {module}"
        for path in files(room)
        for module in imports(path)
        if module.split(".")[0] in ALLOWED and module.split(".")[0] != room
    }


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_those_below(room):
    found = imported_rooms(room)
    assert not [text for name, text in found.items() if name not in ALLOWED[room]]


def test_no_pair_of_rooms_imports_both_ways():
    arrows = {room: imported_rooms(room).keys() for room in ALLOWED}
    both = [(a, b) for a, b in combinations(ALLOWED, 2) if a in arrows[b] and b in arrows[a]]
    assert both == []


def test_the_allowed_arrows_run_one_way():
    assert not [(a, b) for a in ALLOWED for b in ALLOWED[a] if a in ALLOWED[b]]


def test_what_datasets_borrow():
    found = {m for path in files("datasets") for m in imports(path) if m.startswith("promptsrc")}
    lent = {f"{module}.".startswith(tuple(f"{m}." for m in LENT_TO_DATASETS)) for module in found}
    assert lent == {True}, found


def test_methods_import_no_other_method_but_the_one_they_build_on():
    methods = {p.stem for p in files("trainers")} - SHARED
    sideways = {
        (path.stem, module.split(".")[1])
        for path in files("trainers")
        for module in imports(path)
        if module.startswith("trainers.") and module.split(".")[1] in methods
    }
    builds_on = {("promptsrc", "ivlp"), ("kgcoop", "coop"), ("prograd", "coop"), ("mmrlpp", "mmrl")}
    builds_on |= {
        ("dept", base) for base in ("cocoop", "coop", "ivlp", "kgcoop", "maple", "promptsrc")
    }
    engines = {("base", "dassl_pytorch"), ("checkpoints", "dassl_pytorch")}
    assert sideways == builds_on | engines


def test_root_files_are_commands():
    found = {path.name for path in ROOT.glob("*.py")}
    assert found == COMMANDS | {"setup.py"}
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in found}
    assert {name: n for name, n in lengths.items() if n > LONGEST_COMMAND} == {}


def test_the_walk_sees_the_house():
    assert sum(1 for room in ALLOWED for _ in files(room)) > 120
    assert "promptsrc" in imported_rooms("trainers") and "runs" in imported_rooms("report")
