"""The commands in the README, docs/ and the other pages are run, or the page says why not.

Each page becomes one script, from top to bottom, and runs in its own working copy:

    ```bash, ```python      run unchanged; ```diff is applied
    <!-- file: PATH -->     the block after it is written to PATH instead

Training takes one epoch only: OPTIM.MAX_EPOCH 1 is appended to `python train.py ...`. Most pages
start with the same run, so it is made once and copied; train.py finds it finished. Other blocks
with commands say who runs them:

    <!-- run by TEST -->      that test, which names their programs or the page
    <!-- not run: WHY -->     nobody

The programs and flags of commands within the prose exist, and some test names each program but
make's targets.
"""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
        *sorted((ROOT / "docs").glob("*.md")),
        ROOT / "benchmarks" / "RESULTS.md",
    )
}
CODE = [
    path
    for path in ROOT.iterdir()
    if path.suffix == ".py" or path.name == "engine" or (path / "__init__.py").exists()
]
MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOW = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
WRITTEN = {  # files that the commands of a page write in the working copy
    "docs/MIGRATING.md": ["theirs.safetensors", "fork/output/VLPromptLearner/model.pth.tar-1"],
    "docs/OWN_METHOD.md": [
        *(
            f"{output}/base2new/train_base/fashion/shots_16/Late/vit_t8/seed{seed}/{file}"
            for output, seed, file in (
                ("output", 1, "prompt_learner/model.pth.tar-1"),
                ("output", 1, "report.html"),
                ("output", 2, "log.txt"),
                ("output/regulated", 1, "prompt_learner/model.pth.tar-1"),
            )
        ),
        "late.safetensors",
        "late.onnx",
        "output/report/report.html",
    ],
    "docs/PLAIN_PYTORCH.md": ["prompts.safetensors"],
    "docs/PREDICT.md": ["predictions.csv", "prompts.safetensors", "classifier.pt2", "classes.npz"],
    "docs/REPORT.md": [
        f"output/base2new/{part}/fashion/shots_16/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx/seed1/report.html"
        for part in ("train_base", "test_new")
    ],
}
QUICK = 'python() { [[ $1 != train.py ]] || set -- "$@" OPTIM.MAX_EPOCH 1; command python "$@"; }'
STARTED = re.compile(r"^(?:\w+=\S+ )*(?:\S*/)?(?:python[\d.]*|bash|make|pip|git|hf) \S", re.M)
PROGRAM = re.compile(r"python[\d.]* (?:-m )?([\w.]+)|bash (scripts/[\w/-]+\.sh)|\bmake ([\w-]+)")


class Block(NamedTuple):
    """A fenced block, with the text of the comment before it."""

    note: str
    language: str
    text: str

    @property
    def step(self) -> str:
        """Its part of the page's script; empty if it is not run."""
        if self.note.startswith("file: "):
            path = self.note.removeprefix("file: ")
            return f"mkdir -p $(dirname {path})\ncat > {path} <<'END'\n{self.text}END\n"
        heredoc = f" <<'END'\n{self.text}END\n"
        return {
            "bash": self.text,
            "python": f"python -{heredoc}",
            "diff": f"git apply{heredoc}",
        }.get(self.language, "")


def blocks(page: str) -> list[Block]:
    found = re.findall(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", PAGES[page], re.S | re.M)
    return [Block(*parts) for parts in found]


def prose_commands(page: str) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.S | re.M)
    return [code for code in re.findall(r"`([^`]+)`", prose) if PROGRAM.search(code)]


def programs(commands: str) -> list[str]:
    """`train.py`, `benchmarks.step`, `scripts/coop/main.sh`, `demo` (of make)."""
    return ["".join(names) for names in PROGRAM.findall(commands)]


def exists(program: str) -> bool:
    if program.endswith((".py", ".sh")):
        return (ROOT / program).is_file()
    return f"\n{program}:" in MAKEFILE or importlib.util.find_spec(program) is not None


def is_named(program: str, text: str) -> bool:
    name = Path(program).stem if program.endswith((".py", ".sh")) else program.split(".")[-1]
    return re.search(rf"\b{name}\b", text) is not None


@functools.cache
def all_tests() -> str:
    files = (ROOT / "tests").rglob("test_*.py")
    return "\n".join(
        file.read_text(encoding="utf-8") for file in files if file.name != Path(__file__).name
    )


@functools.cache
def flags() -> set[str]:
    """The flags of all programs."""
    files = [file for path in CODE for file in ([path] if path.is_file() else path.rglob("*.py"))]
    return {
        flag
        for file in files
        for flag in re.findall(r"\"(--[\w-]+)\"", file.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("page", PAGES)
def test_a_block_of_commands_is_run_or_says_why_not(page):
    for block in blocks(page):
        if block.step or not STARTED.search(block.text):
            continue
        by = re.match(r"run by (tests/\S+\.py)", block.note)
        assert by or re.match(r"not run: \w+", block.note), f"who runs this?\n{block.text}"
        if by:
            test = (ROOT / by[1]).read_text(encoding="utf-8")
            whole = Path(page).name in test
            assert whole or all(is_named(program, test) for program in programs(block.text)), (
                f"{by[1]}?\n{block.text}"
            )


@pytest.mark.parametrize("page", PAGES)
def test_programs_and_flags_exist(page):
    fenced = "\n".join(block.text for block in blocks(page) if STARTED.search(block.text))
    inline = prose_commands(page)
    for command in (*inline, *fenced.replace("\\\n", " ").splitlines()):
        for program in programs(command):
            assert exists(program), f"{program} in {command}"
            if command in inline and not command.startswith("make "):
                assert is_named(program, all_tests()), f"no test has {program}"
        if "pip install" not in command:
            assert set(re.findall(r"(?<!\S)--[\w-]+", command)) <= flags(), command


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A working copy with a run on the bundled benchmark."""
    folder = tmp_path_factory.mktemp("docs") / "trained"
    for path in (*CODE, ROOT / "configs", ROOT / "data"):
        to = folder / path.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(
                path,
                to,
                ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "split_fewshot"),
            )
        else:
            shutil.copy(path, to)
    run("python train.py --trainer PromptSRC", folder)
    return folder


def run(script: str, folder: Path) -> None:
    """Run a bash script in a working copy."""
    environment = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", f"{QUICK}\n{script}"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_the_table_of_written_files_has_every_page_that_is_run():
    assert {page for page in PAGES if any(block.step for block in blocks(page))} == set(WRITTEN)


@pytest.mark.slow
@pytest.mark.parametrize("page", WRITTEN)
def test_the_pages_commands_do_what_it_says(page, trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "copy")
    run("".join(block.step for block in blocks(page)), folder)
    for path in WRITTEN[page]:
        assert (folder / path).stat().st_size > 0


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page):
    for link in re.findall(r"\]\(((?!http)[^)#]+)\)", PAGES[page]):
        assert ((ROOT / page).parent / link).exists(), link
    written = {block.note for block in blocks(page)}
    for path in re.findall(r"`((?:[a-z]+/)[\w/.+-]+\.(?:py|sh|yaml|csv))`", PAGES[page]):
        assert (ROOT / path).exists() or f"file: {path}" in written, path
    for path, name in re.findall(r"`([\w/]+\.py)` `([\w.]+)`", PAGES[page]):
        assert is_named(name, (ROOT / path).read_text(encoding="utf-8")), f"{name} in {path}"
    for test in re.findall(r"`(test_\w+)`", PAGES[page]):
        assert f"def {test}(" in all_tests(), test


def test_the_workflow_runs_programs_that_exist():
    for program in programs(WORKFLOW):
        assert exists(program), program


def test_imports_moved_as_the_page_says():
    rows = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)`", PAGES["docs/MIGRATING.md"], re.M)
    assert len(rows) > 20
    for old, new in rows:
        assert not is_module(old), f"{old} is still there"
        assert is_module(new), new


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_a_method_of_ones_own_is_short():
    (code,) = [block.text for block in blocks("docs/OWN_METHOD.md") if block.language == "python"]
    lines = sum(bool(line.strip()) for line in code.splitlines())
    assert (
        f"[docs/OWN_METHOD.md](docs/OWN_METHOD.md) | your own method in {lines} lines |"
        in PAGES["README.md"]
    )


def test_the_readme_has_a_line_for_each_page():
    assert all(
        f"| [{page}]({page}) | " in PAGES["README.md"] for page in PAGES if page.startswith("docs/")
    )
