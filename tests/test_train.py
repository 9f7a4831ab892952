"""train.py as a user runs it, on the embedded dataset with few steps."""

import functools
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

import runs.folder as run_folder
import train
import trainers.base
from promptsrc.checkpoint import read_checkpoint
from tests.conftest import ROOT
from tests.datasets.roots import make_images

EMOJI = ["--root", "data", "--dataset-config-file", "configs/datasets/emoji.yaml"]
SETTINGS = ["--config-file", "configs/trainers/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx.yaml"]
SMALL = [
    "DATASET.SUBSAMPLE_CLASSES",
    "base",
    "DATASET.NUM_SHOTS",
    "1",
    "OPTIM.MAX_EPOCH",
    "3",
    "TRAINER.PROMPTSRC.GPA_MEAN",
    "2",
]


def arguments(output, *pairs, trainer="PromptSRC"):
    return [
        *EMOJI,
        *SETTINGS,
        "--trainer",
        trainer,
        "--seed",
        "1",
        "--output-dir",
        str(output),
        *SMALL,
        *pairs,
    ]


def prompts(output, epoch=3):
    return read_checkpoint(output / "VLPromptLearner" / f"model.pth.tar-{epoch}")["state_dict"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The folder of a run of three epochs."""
    output = tmp_path_factory.mktemp("uninterrupted")
    subprocess.run(
        [sys.executable, "train.py", *arguments(output)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return output


def test_a_run_writes_a_log_for_parsers_and_kilobytes(uninterrupted):
    log = (uninterrupted / "log.txt").read_text()
    for line in (
        "Finish training",
        "Deploy the last-epoch model",
        "=> result",
        "* accuracy: ",
        "Elapsed: ",
    ):
        assert line in log
    folder = uninterrupted / "VLPromptLearner"
    files = {"checkpoint", "model.pth.tar-2", "model.pth.tar-3"}
    assert {file.name for file in folder.iterdir()} == files
    assert (folder / "model.pth.tar-3").stat().st_size < 200_000


def test_a_killed_run_resumes_bit_for_bit(uninterrupted, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "train.py", *arguments(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    first = tmp_path / "VLPromptLearner" / "checkpoint"
    while not first.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "VLPromptLearner" / "model.pth.tar-3").exists()
    again = subprocess.run(
        [sys.executable, "train.py", *arguments(tmp_path)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    assert b"Will resume training" in again.stdout
    ours, theirs = prompts(tmp_path), prompts(uninterrupted)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_an_output_folder_that_vanishes_is_one_line(tmp_path):
    command = [sys.executable, "train.py", *arguments(tmp_path / "run"), "OPTIM.MAX_EPOCH", "999"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "run" / "VLPromptLearner" / "checkpoint").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.rename(tmp_path / "run", tmp_path / "moved")
    _, err = process.communicate(timeout=120)
    gone = f"the output folder {tmp_path}/run is gone: it was deleted or moved during the run"
    assert (process.returncode, err) == (1, f"error: {gone}; start the run again\n")
    assert [file.name for file in tmp_path.iterdir()] == ["moved"]


WORKERS = ["DATALOADER.NUM_WORKERS", "2", "TRAIN.PRINT_FREQ", "1"]


@pytest.fixture(scope="module")
def with_workers(tmp_path_factory):
    """The folder of a run with loading processes, which have their own random states."""
    output = tmp_path_factory.mktemp("with_workers")
    command = [sys.executable, "train.py", *arguments(output, *WORKERS)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return output


@pytest.mark.parametrize(
    "send, number, steps",
    [
        (os.killpg, signal.SIGKILL, 2),
        (os.killpg, signal.SIGTERM, 1),
        (os.killpg, signal.SIGINT, 5),
        (os.kill, signal.SIGKILL, 2),
    ],
)
def test_a_run_stopped_at_any_step_resumes_bit_for_bit(with_workers, tmp_path, send, number, steps):
    """The signal goes to all processes, as from a terminal or Slurm, or to the main one only.

    Then the loading processes live for seconds, and the next run does not wait for them.
    """
    command = [
        sys.executable,
        "train.py",
        *arguments(tmp_path, *WORKERS, "TRAIN.CHECKPOINT_MINUTES", "1e-9"),
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    log = tmp_path / "log.txt"
    while not log.is_file() or len(re.findall("^epoch ", log.read_text(), re.M)) < steps:
        assert process.poll() is None
        time.sleep(0.01)
    send(process.pid, number)
    process.wait()
    again = (
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        if send is os.kill
        else None
    )
    _, error = process.communicate()  # when the loading ones are gone, too
    if number == signal.SIGKILL:
        assert process.returncode == -9
    else:
        assert process.returncode == 75
        last = error.strip().splitlines()[-1]
        assert re.fullmatch(
            rf"stopped; rerun the same command to resume \({number.name} .*\)", last
        )
        assert not (tmp_path / run_folder.LOCK).exists()
    again = again or subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    assert "Will resume training" in again.stdout
    ours, theirs = prompts(tmp_path), prompts(with_workers)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_stopped_before_the_training_can_be_started_again(tmp_path):
    command = [sys.executable, "train.py", *arguments(tmp_path / "run")]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "run" / "log.txt").is_file():
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGUSR1)
    _, error = process.communicate()
    assert process.returncode == 75
    assert error.strip().splitlines()[-1].startswith("stopped; rerun the same command to resume")


def test_a_stop_outside_the_training_is_one_line(tmp_path, monkeypatch, capsys):
    def run(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", run)
    assert train.main(arguments(tmp_path)) == 75
    assert capsys.readouterr().err == "stopped; rerun the same command to resume\n"


def test_the_log_of_a_killed_start_is_replaced(tmp_path, in_root, capsys):
    """The next run's log is log.txt, which Dassl's parser reads."""
    cfg = train.setup_config(train.parse_args(arguments(tmp_path)))
    run_folder.claim(cfg)
    (tmp_path / "log.txt").write_text("Loading dataset: Emoji\n")
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "events.out.tfevents.1").touch()
    (tmp_path / run_folder.LOCK).touch()
    assert train.main(arguments(tmp_path, "OPTIM.MAX_EPOCH", "1")) == 0
    assert "=> result" in (tmp_path / "log.txt").read_text()
    assert len(list(tmp_path.glob("tensorboard/*"))) == 1
    assert {file.name for file in tmp_path.iterdir()} == {
        "VLPromptLearner",
        "config.yaml",
        "items.json",
        "log.txt",
        "results.json",
        "tensorboard",
    }


def test_two_runs_in_one_folder_do_not_mix(tmp_path, in_root, capsys):
    cfg = train.setup_config(train.parse_args(arguments(tmp_path)))
    with run_folder.held(cfg):
        before = sorted(tmp_path.iterdir())
        assert train.main(arguments(tmp_path, "OPTIM.LR", "0.1")) == 1
        assert sorted(tmp_path.iterdir()) == before
    error = capsys.readouterr().err
    hint = "wait until it ends, or use another --output-dir"
    assert error == f"error: another run works in {tmp_path}; {hint}\n"


def test_deterministic_asks_pytorch_for_it(uninterrupted, tmp_path, in_root, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    asked = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", asked.append)
    for name in ("a", "b"):
        assert train.main(["--deterministic", *arguments(tmp_path / name)]) == 0
    assert asked == [True, True] and os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    for name in prompts(uninterrupted):
        assert torch.equal(prompts(tmp_path / "a")[name], prompts(tmp_path / "b")[name])


def test_too_little_memory_is_one_line(tmp_path, in_root, monkeypatch, capsys):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr(train, "run", full)
    assert train.main(arguments(tmp_path)) == 1
    error = "error: the GPU has too little memory; set MODEL.TEXTS_AT_ONCE .*BATCH_SIZE\n"
    assert re.fullmatch(error, capsys.readouterr().err)


# of PyTorch's compiler
@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Guards may run slower"
)
def test_a_compiled_step_trains_the_same_prompts(uninterrupted, tmp_path, in_root, monkeypatch):
    graph = functools.partial(
        trainers.base.as_one_graph, backend="aot_eager"
    )  # without a C++ compiler, and soon
    monkeypatch.setattr(trainers.base, "as_one_graph", graph)
    assert train.main(arguments(tmp_path, "MODEL.COMPILE", "True")) == 0
    ours, theirs = prompts(tmp_path), prompts(uninterrupted)
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-4) for name in theirs)


def test_the_checkpoint_is_tested_on_new_classes(uninterrupted, tmp_path, in_root, capsys):
    new = ["DATASET.SUBSAMPLE_CLASSES", "new"]
    test = ["--eval-only", "--model-dir", str(uninterrupted), "--load-epoch", "3"]
    assert train.main([*test, *arguments(tmp_path, *new)]) == 0
    assert "* total: 165" in capsys.readouterr().out


def test_seed_0_is_a_seed(in_root):
    assert train.setup_config(train.parse_args([*EMOJI, "--seed", "0"])).SEED == 0


def test_flags_override_files_and_pairs_override_flags(in_root):
    words = [
        *EMOJI,
        *SETTINGS,
        "--backbone",
        "ViT-B/32",
        "--transforms",
        "random_flip",
        "normalize",
        "--trainer",
        "PromptSRC",
    ]
    cfg = train.setup_config(
        train.parse_args(
            [*words, "OPTIM.LR", "1", "TRAINER.PROMPTSRC.GPA_MEAN", "3.5", "SEED", "4.0"]
        )
    )
    assert (cfg.MODEL.BACKBONE.NAME, cfg.INPUT.TRANSFORMS) == (
        "ViT-B/32",
        ("random_flip", "normalize"),
    )
    assert (cfg.OPTIM.LR, cfg.TRAINER.PROMPTSRC.GPA_MEAN, cfg.SEED) == (1.0, 3.5, 4)
    assert (type(cfg.OPTIM.LR), type(cfg.SEED)) == (float, int)
    assert cfg.INPUT.SIZE == (48, 48)


@pytest.mark.parametrize(
    "words, code, message",
    [
        (
            ["--root", "nowhere"],
            1,
            "--root .* is .*nowhere, which is not a folder; give the one that has emoji",
        ),
        (
            ["--trainer", "PromptSRCC"],
            1,
            "'PromptSRCC' is not available; choose one of .*did you mean PromptSRC",
        ),
        (
            ["--backbone", "ViT-B/17"],
            1,
            "backbone 'ViT-B/17' is neither a name .ViT-T/8-v2, .* nor a file",
        ),
        (
            ["DATASET.NAME", "Emojis"],
            1,
            "'Emojis' is not available; choose one of .*did you mean Emoji",
        ),
        (
            ["OPTIM.LRR", "1"],
            2,
            "OPTIM.LRR .command line. is not a config key; did you mean OPTIM.LR",
        ),
        (
            ["OPTIM.MAX_EPOCH", "2.5"],
            2,
            "OPTIM.MAX_EPOCH .command line. is '2.5'; it takes a whole number such as 20",
        ),
        (["OPTIM.MAX_EPOCH"], 2, "KEY VALUE pairs expected .* 'OPTIM.MAX_EPOCH' has no value"),
        (["OPTIM", "3"], 2, "OPTIM .command line. is not a config key; it is a group: OPTIM.NAME"),
        (
            ["--config-file", "configs/trainers/PromptSRC/none.yaml"],
            2,
            "no config file .*none.yaml; .* has vit_b16",
        ),
        (["--config-file", "LICENSE"], 2, "LICENSE is not (YAML|a KEY: VALUE mapping)"),
        (
            ["INPUT.SIZE", "(224, 224)"],
            1,
            r"INPUT.SIZE is \(224, 224\), but backbone ViT-T/8-v2 takes 48 x 48 images",
        ),
        (
            ["TRAINER.PROMPTSRC.PREC", "fp8"],
            1,
            "PREC is 'fp8'; choose one of fp32, fp16, amp, bf16",
        ),
        (
            ["TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", "0"],
            1,
            "PROMPT_DEPTH_TEXT is 0; it must be at least 1",
        ),
        (
            ["DATASET.SUBSAMPLE_CLASSES", "novel"],
            1,
            "DATASET.SUBSAMPLE_CLASSES is 'novel'; it is one of all, base, new",
        ),
        (
            ["--eval-only", "--model-dir", "docs", "--load-epoch", "3"],
            1,
            "docs has no checkpoint; is it the folder of one run",
        ),
        (
            ["--resume", "docs"],
            1,
            "nothing to resume in docs: a run of PromptSRC leaves VLPromptLearner/checkpoint there",
        ),
        (
            ["TEST.FINAL_MODEL", "bestval"],
            1,
            "TEST.FINAL_MODEL is 'bestval'; choose one of last_step, best_val",
        ),
        (["INPUT.PIXEL_MEAN", "[0.5]"], 1, r"INPUT.PIXEL_MEAN is \[0.5\]; it takes three numbers"),
        (
            ["OPTIM.LR", "1e30", "OPTIM.WARMUP_EPOCH", "0"],
            1,
            "loss is nan in epoch 1, batch .*lower OPTIM.LR",
        ),
    ],
)
def test_a_mistake_gets_one_line_and_an_exit_code(in_root, tmp_path, capsys, words, code, message):
    flags = [word for word in words if word.startswith("--")]
    split = (words, []) if flags else ([], words)
    assert (
        train.main(
            [
                *EMOJI,
                *SETTINGS,
                "--trainer",
                "PromptSRC",
                "--output-dir",
                str(tmp_path),
                *split[0],
                *SMALL,
                *split[1],
            ]
        )
        == code
    )
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert re.search(message, error), error
    assert {file.name for file in tmp_path.iterdir()} <= {"tensorboard"}


def test_a_damaged_checkpoint_to_resume_gets_one_line(in_root, tmp_path, capsys):
    folder = tmp_path / "old" / "VLPromptLearner"
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_text("model.pth.tar-1\n")
    (folder / "model.pth.tar-1").write_text("no checkpoint\n")
    assert train.main(["--resume", str(tmp_path / "old"), *arguments(tmp_path / "run")]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    message = r"error: checkpoint .*/model.pth.tar-1 can't be read \(.*\); restore or delete it"
    assert re.fullmatch(message, error)


def test_weights_that_cannot_be_downloaded_say_where_to_place_them(
    in_root, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    words = [
        *EMOJI,
        *SETTINGS,
        "--trainer",
        "PromptSRC",
        "--output-dir",
        str(tmp_path / "run"),
        "--backbone",
        "ViT-B/16",
        *SMALL,
    ]
    assert train.main([*words, "INPUT.SIZE", "(224, 224)"]) == 1
    assert "ViT-B-16.pt elsewhere and place it at" in capsys.readouterr().err
    assert not list((tmp_path / ".cache" / "clip").glob("*.pt"))


def test_help_is_quick_and_names_every_flag():
    started = time.time()
    out = subprocess.run(
        [sys.executable, "train.py", "--help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert time.time() - started < 10 and os.path.exists(ROOT / "train.py")
    flags = "root output-dir resume seed source-domains target-domains transforms config-file"
    more = "dataset-config-file trainer backbone head eval-only model-dir load-epoch no-train"
    for flag in f"{flags} {more}".split():
        assert f"--{flag}" in out


def test_photos_for_training_alone_are_trained_on_and_not_tested(in_root, tmp_path, capsys):
    make_images(tmp_path, *(f"Train/{name}/{i}.png" for name in ("ape", "bat") for i in (0, 1)))
    output = tmp_path / "run"
    words = ["--trainer", "PromptSRC", "--root", str(tmp_path), "--output-dir", str(output)]
    pairs = ["DATASET.NAME", "ImageFolder", "OPTIM.MAX_EPOCH", "1", "TRAINER.PROMPTSRC.GPA_MEAN", 1]
    assert train.main([*words, *SETTINGS, *map(str, pairs)]) == 0
    said = capsys.readouterr().out
    log = (output / "log.txt").read_text()
    assert "so nothing is tested" in said and "Finish training" in log and "=> result" not in log
    assert (output / "VLPromptLearner" / "model.pth.tar-1").is_file()
    tested = [*words[:-1], str(tmp_path / "test"), "--eval-only", "--model-dir", str(output)]
    assert train.main([*tested, "--load-epoch", "1", *SETTINGS, *pairs[:2]]) == 1
    assert "has no test part; give it one" in capsys.readouterr().err
