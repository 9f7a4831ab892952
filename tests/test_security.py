"""Files from outside are only data: they do not run, and nothing is written elsewhere."""

import ast
import io
import os
import pickle
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
import torch
from dassl.data.datasets import DatasetBase
from dassl.utils import load_checkpoint

from datasets.shots import read_pickle
from promptsrc.checkpoint import read_checkpoint
from promptsrc.inference.prompt_file import read_prompts
from promptsrc.weights.names import read_weights
from promptsrc.weights.openai import MODEL_URLS
from runs.job import Job
from sweep import cluster, local
from sweep.__main__ import main as sweep
from tests.conftest import ROOT
from tests.datasets.roots import make_images

# Calls that may run what they read; `findings` adds those that an argument makes dangerous.
REFUSED = {
    *(
        "eval",
        "exec",
        "compile",
        "__import__",
        "os.system",
        "os.popen",
        "yaml.load",
        "yaml.unsafe_load",
        "yaml.full_load",
    ),
    *(
        "pickle.load",
        "pickle.loads",
        "marshal.load",
        "marshal.loads",
        "shelve.open",
        "joblib.load",
        "tempfile.mktemp",
    ),
    *("torch.jit.load", "torch.hub.load", "shutil.unpack_archive"),
}
KNOWN = {
    (
        "engine/dassl/data/datasets/base_dataset.py",
        "archive.extractall",
    ),  # of a zip, which makes names harmless itself
}


def findings(source):
    """Dangerous calls in a source."""
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name, stated = (
            ast.unparse(call.func),
            {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords},
        )
        unsafe = {
            name in REFUSED,
            name == "torch.load" and stated.get("weights_only") != "True",
            "shell" in stated,
            "allow_pickle" in stated,
            name.endswith(".extractall") and stated.get("filter") != "'data'",
        }
        if any(unsafe):
            yield name


def test_no_module_runs_what_it_reads():
    files = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    sources = {file: (ROOT / file).read_text() for file in files if not file.startswith("tests/")}
    assert len(sources) > 80
    assert {(file, name) for file, source in sources.items() for name in findings(source)} == KNOWN
    unpicklers = {file for file, source in sources.items() if ".Unpickler)" in source}
    assert unpicklers == {"datasets/shots.py", "promptsrc/weights/torchscript.py"}


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "pickle.loads(content)",
        "yaml.load(text, Loader)",
        "eval(text)",
        "subprocess.run(command, shell=True)",
        "np.load(path, allow_pickle=True)",
        "tar.extractall(folder)",
    ],
)
def test_dangerous_calls_are_found(source):
    assert list(findings(source))
    assert not list(
        findings(
            "torch.load(path, weights_only=True)\nsubprocess.run(['ls', text])\n"
            "ast.literal_eval(text)"
        )
    )


class Evil:
    """Makes a file where it is unpickled freely."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {shlex.quote(str(self.path))}",)


READERS = {
    "weights": lambda path: read_weights(str(path)),
    "checkpoint": read_checkpoint,
    "engine's checkpoint": lambda path: load_checkpoint(str(path)),
    "prompts": read_prompts,
    "few-shot cache": read_pickle,
}
FORMATS = {
    "zip": lambda content, path: torch.save(content, path),
    "old": lambda content, path: torch.save(content, path, _use_new_zipfile_serialization=False),
    "bare": lambda content, path: path.write_bytes(pickle.dumps(content)),
}


@pytest.mark.parametrize("place", ["all", "state_dict", "scheduler"])
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("reader", READERS)
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, reader, kind, place):
    evil, file, mark = Evil(tmp_path / "mark"), tmp_path / "file", tmp_path / "mark"
    FORMATS[kind](
        evil if place == "all" else {"state_dict": {}, "epoch": 1, "train": [], place: evil}, file
    )
    with pytest.raises(ValueError) as error:
        READERS[reader](file)
    assert "\n" not in str(error.value) and str(file) in str(error.value)
    assert not mark.exists()
    pickle.loads(pickle.dumps(evil))
    assert mark.exists()  # it would have


class Writer(torch.nn.Module):
    """TorchScript that writes a file where it is loaded."""

    def __init__(self, path: str):
        super().__init__()
        self.path = path

    @torch.jit.export
    def __getstate__(self):
        return self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]):
        self.path, self.training = state[0], state[1]
        torch.save(torch.ones(1), state[0])

    def forward(self, x: torch.Tensor):
        return x


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated")  # what makes the file
def test_torchscript_does_not_run(tmp_path):
    torch.jit.script(Writer(str(tmp_path / "mark"))).save(str(tmp_path / "weights.pt"))
    with pytest.raises(ValueError, match="weights.pt can't be read as CLIP weights"):
        read_weights(str(tmp_path / "weights.pt"))
    assert not (tmp_path / "mark").exists()
    torch.jit.load(tmp_path / "weights.pt")
    assert (tmp_path / "mark").exists()  # it would have


def zipped(path, name):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "content")


def tarred(path, name, **attributes):
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo(name)
        for key, value in attributes.items():
            setattr(member, key, value)
        member.size = 0 if attributes else 7
        archive.addfile(member, io.BytesIO(b"content"))


@pytest.fixture
def from_server(monkeypatch):
    """Archives that a server would give: the url's path is a local file."""
    monkeypatch.setattr(
        "urllib.request.urlretrieve", lambda url, dst: shutil.copy(url.removeprefix("https:/"), dst)
    )


@pytest.mark.parametrize("make", [zipped, tarred])
def test_an_archive_is_unpacked_into_its_folder(tmp_path, from_server, make):
    make(tmp_path / "made", "data/a.txt")
    (tmp_path / "in").mkdir()
    dataset = object.__new__(DatasetBase)
    dataset.download_data(
        f"https:/{tmp_path}/made", str(tmp_path / "in" / "archive"), from_gdrive=False
    )
    assert (tmp_path / "in/data/a.txt").read_text() == "content"


@pytest.mark.parametrize(
    "make",
    [
        lambda path: zipped(path, "../evil"),
        lambda path: zipped(path, f"{path.parent}/evil"),
        lambda path: tarred(path, "../evil"),
        lambda path: tarred(path, "in/../../evil"),
        lambda path: tarred(path, "link", type=tarfile.SYMTYPE, linkname="../evil"),
        lambda path: tarred(path, "device", type=tarfile.CHRTYPE),
    ],
)
def test_no_member_of_an_archive_leaves_its_folder(tmp_path, from_server, make):
    make(tmp_path / "made")
    (tmp_path / "in").mkdir()
    dataset, before = object.__new__(DatasetBase), set(tmp_path.iterdir())
    try:
        dataset.download_data(
            f"https:/{tmp_path}/made", str(tmp_path / "in" / "archive"), from_gdrive=False
        )
    except ValueError as error:  # zipfile makes such names harmless
        assert f"a member of {tmp_path}/in/archive is outside {tmp_path}/in " in str(error)
    assert set(tmp_path.iterdir()) == before
    assert all(
        path.resolve().is_relative_to(tmp_path / "in") for path in (tmp_path / "in").rglob("*")
    )


def test_downloads_are_encrypted_and_their_checksums_known(tmp_path):
    assert all(
        url.startswith("https://") and len(url.split("/")[-2]) == 64 for url in MODEL_URLS.values()
    )
    for url in ("http://example.org/a.zip", f"file://{tmp_path}/a.zip"):
        with pytest.raises(
            ValueError, match=f"{url} is not an https address; download it to .* by hand"
        ):
            object.__new__(DatasetBase).download_data(
                url, str(tmp_path / "a.zip"), from_gdrive=False
            )


HOSTILE = [
    "; touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "a\ntouch pwned",
    "' ; touch pwned ; '",
    '" | touch pwned "',
    "-rf *",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sweep_passes_any_name_unchanged(tmp_path, monkeypatch, capsys, name):
    root, output = tmp_path / name, tmp_path / f"output {name}"
    (root / "eurosat").mkdir(parents=True)
    monkeypatch.chdir(ROOT)
    words = [
        "base2new",
        "--root",
        str(root),
        "--output",
        str(output),
        "--datasets",
        "eurosat",
        "--configs",
        "vit_t8",
    ]
    assert sweep([*words, "--seeds", "1", "--dry-run", "--set", "MODEL.BACKBONE.CACHE", name]) == 0
    first = capsys.readouterr().out.split(f"\n{shlex.quote(sys.executable)} ")[0]
    said = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {first}"], cwd=tmp_path, check=True, capture_output=True
    )
    spoken = said.stdout.decode().split("\0")
    assert {str(root), name} <= set(spoken) and any(
        word.startswith(f"{output}/") for word in spoken
    )
    job = Job(("--root", str(root)), output, ())
    object.__setattr__(job, "words", ("-c", "", name))
    monkeypatch.setattr(
        local.Job,
        "command",
        property(lambda job: [sys.executable, "-c", "import sys; print(sys.argv[1:])", name]),
    )
    assert local.start((job,), {"ODD": name}).wait() == 0
    assert (output / local.CONSOLE).read_text() == f"{[name]}\n"
    assert not list(tmp_path.rglob("pwned"))


SRUN = '#!/bin/sh\nprintf "%s\\n" "$@" > "$SAID"\n'


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\n" not in name])
def test_a_cluster_script_passes_any_name_unchanged(tmp_path, monkeypatch, name):
    """submitit's script in bash, with an srun that writes its arguments to a file."""
    pytest.importorskip("submitit")
    from submitit.slurm import slurm

    bin_folder, folder = tmp_path / "bin", tmp_path / name / "slurm"
    bin_folder.mkdir()
    folder.mkdir(parents=True)
    for command in ("srun", "sbatch"):
        (bin_folder / command).write_text(SRUN)
        (bin_folder / command).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    executor = slurm.SlurmExecutor(folder)
    text = executor._make_submission_file_text(executor._submitit_command_str, "uid")
    (tmp_path / "script.sh").write_text(text)
    said = tmp_path / "said"
    subprocess.run(
        ["bash", tmp_path / "script.sh"],
        cwd=tmp_path,
        check=True,
        env=os.environ | {"SAID": str(said)},
    )
    assert str(folder) in said.read_text().splitlines()
    assert not list(tmp_path.rglob("pwned"))


def test_a_name_adds_no_line_to_a_cluster_script(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"--output is '.*a\\ntouch pwned', which has a line break; use another folder",
    ):
        cluster.run([], tmp_path / "a\ntouch pwned", "slurm", None, {})


def test_a_training_writes_into_output_and_data_only(tmp_path):
    places = {name: tmp_path / name for name in ("home", "tmp", "cache", "here")}
    for place in places.values():
        place.mkdir()
    make_images(
        tmp_path / "data/mine",
        *(f"{part}/{c}/0.png" for part in ("train", "test") for c in ("ape", "bat")),
    )
    words = [
        "--root",
        tmp_path / "data",
        "--output-dir",
        tmp_path / "out",
        "--seed",
        "1",
        "--trainer",
        "PromptSRC",
    ]
    settings = [
        "--config-file",
        ROOT / "configs/trainers/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx.yaml",
    ]
    pairs = [
        "DATASET.NAME",
        "ImageFolder",
        "DATASET.FOLDER",
        "mine",
        "DATASET.NUM_SHOTS",
        "1",
        "OPTIM.MAX_EPOCH",
        "1",
    ]
    homes = {"HOME": places["home"], "TMPDIR": places["tmp"], "XDG_CACHE_HOME": places["cache"]}
    status = ["git", "status", "--porcelain", "--ignored"]
    code = subprocess.run(status, cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(
        [
            str(word)
            for word in (sys.executable, "-B", ROOT / "train.py", *words, *settings, *pairs)
        ],
        cwd=places["here"],
        env={**os.environ, **{name: str(place) for name, place in homes.items()}},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert subprocess.run(status, cwd=ROOT, check=True, capture_output=True).stdout == code
    written = {
        str(path.relative_to(tmp_path))
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".png"
    }
    outside = {name for name in written if not name.startswith("out/")}
    assert outside == {"data/mine/split_fewshot/shot_1-seed_1.json"} and len(written) > 4
