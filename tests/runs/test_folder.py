"""A folder answers one question."""

import errno
import sys

import pytest
import yaml

import runs.folder as run_folder
import train
from tests.conftest import ROOT

WORDS = [
    "--trainer",
    "PromptSRC",
    "--seed",
    "1",
    "--dataset-config-file",
    str(ROOT / "configs/datasets/emoji.yaml"),
]
RESULT = "=> result\n* accuracy: 50.0%\n"


def config(folder, *words):
    return train.setup_config(train.parse_args([*WORDS, "--output-dir", str(folder), *words]))


def taken(folder, *words, result=RESULT):
    """A folder in which a run has begun."""
    run_folder.claim(config(folder, *words))
    (folder / "log.txt").write_text(result)
    return folder


def test_the_configuration_is_beside_the_log_and_can_be_used_again(tmp_path):
    taken(tmp_path, "OPTIM.LR", "0.5", "INPUT.SIZE", "(48, 48)")
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert (saved["OPTIM"]["LR"], saved["DATASET"]["NAME"], saved["SEED"]) == (0.5, "Emoji", 1)
    again = train.setup_config(train.parse_args(["--config-file", str(tmp_path / "config.yaml")]))
    assert again == config(tmp_path, "OPTIM.LR", "0.5", "INPUT.SIZE", "(48, 48)")


@pytest.mark.parametrize(
    "words, changed",
    [
        (["OPTIM.LR", "0.1"], "OPTIM.LR (there: 0.0003, here: 0.1)"),
        (["SEED", "0"], "SEED (there: 1, here: 0)"),
        (
            ["--eval-only", "--model-dir", "elsewhere", "--load-epoch", "5"],
            "MODEL_DIR (there: , here: elsewhere)",
        ),
        (["--trainer", "IVLP"], "TRAINER.NAME (there: PromptSRC, here: IVLP)"),
        (
            ["DATASET.SUBSAMPLE_CLASSES", "new", "OPTIM.MAX_EPOCH", "3"],
            "OPTIM.MAX_EPOCH (there: 10, here: 3)",
        ),
    ],
)
def test_another_configuration_stops_and_names_the_keys(tmp_path, words, changed):
    taken(tmp_path)
    with pytest.raises(
        ValueError, match="holds a run with another configuration: .*use another --output-dir"
    ) as error:
        run_folder.claim(config(tmp_path, *words))
    assert changed in str(error.value)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["USE_CUDA", "False"],
        ["--root", "moved"],
        ["TRAIN.PRINT_FREQ", "1", "DATALOADER.NUM_WORKERS", "0"],
        [
            "DATALOADER.CACHE_MB",
            "0",
            "MODEL.TEXTS_AT_ONCE",
            "5",
            "MODEL.BACKBONE.CACHE",
            "elsewhere",
        ],
    ],
)
def test_what_changes_no_result_may_change(tmp_path, words):
    run_folder.claim(config(taken(tmp_path), *words))


def test_a_run_that_left_nothing_can_be_started_otherwise(tmp_path):
    taken(tmp_path, result="Loading dataset: Emoji\n")
    run_folder.claim(config(tmp_path, "OPTIM.LR", "0.1"))
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["OPTIM"]["LR"] == 0.1


def test_a_checkpoint_is_something_to_lose(tmp_path):
    taken(tmp_path, result="")
    (tmp_path / "VLPromptLearner").mkdir()
    (tmp_path / "VLPromptLearner" / "model.pth.tar-1").touch()
    with pytest.raises(ValueError, match="another configuration"):
        run_folder.claim(config(tmp_path, "OPTIM.LR", "0.1"))


def test_a_model_of_other_settings_is_not_evaluated(tmp_path):
    taken(tmp_path, "DATASET.NUM_SHOTS", "4")
    test = ["--eval-only", "--model-dir", str(tmp_path)]
    for fine in (
        ["--dataset-config-file", str(ROOT / "configs/datasets/dtd.yaml")],
        ["SEED", "-1", "TRAINER.PROMPTSRC.PREC", "fp32"],
        ["DATASET.NUM_SHOTS", "4", "DATASET.SUBSAMPLE_CLASSES", "new"],
        ["TRAINER.PROMPTSRC.GPA_STD", "2", "TRAINER.PROMPTSRC.TEXT_LOSS_WEIGHT", "1"],
        ["TRAINER.IVLP.N_CTX_TEXT", "3", "REGULATION.ENABLED", "True"],
    ):
        run_folder.check_model(config(tmp_path / "test", *test, *fine))
    for wrong, changed in {
        (
            "TRAINER.NAME",
            "IVLP",
            "TRAINER.IVLP.N_CTX_TEXT",
            "3",
        ): r"TRAINER.NAME \(there: PromptSRC, here: IVLP\)$",
        ("MODEL.BACKBONE.NAME", "RN50"): r"MODEL.BACKBONE.NAME \(there: , here: RN50\)",
        ("SEED", "2"): r"SEED \(there: 1, here: 2\)",
        ("DATASET.NUM_SHOTS", "16"): r"DATASET.NUM_SHOTS \(there: 4, here: 16\)",
        (
            "TRAINER.PROMPTSRC.N_CTX_TEXT",
            "2",
        ): r"TRAINER.PROMPTSRC.N_CTX_TEXT \(there: 4, here: 2\)",
    }.items():
        with pytest.raises(ValueError, match=f"is not of a run with these settings: {changed}"):
            run_folder.check_model(config(tmp_path / "test", *test, *wrong))


def test_a_reference_implementations_folder_has_no_configuration_to_compare(tmp_path):
    run_folder.check_model(config(tmp_path / "test", "--eval-only", "--model-dir", str(tmp_path)))


def test_a_run_goes_on_with_one_of_the_same_configuration_only(tmp_path, in_root, capsys):
    there = taken(tmp_path / "there")
    resume = ["--resume", str(there)]
    run_folder.check_resumed(config(tmp_path / "here", *resume, "DATALOADER.NUM_WORKERS", "0"))
    run_folder.check_resumed(
        config(tmp_path / "here", "--resume", str(tmp_path), "OPTIM.LR", "0.1")
    )  # not of ours
    with pytest.raises(ValueError, match=r"TRAINER.PROMPTSRC.GPA_MEAN \(there: 15.0, here: 2.0\)"):
        run_folder.check_resumed(
            config(tmp_path / "here", *resume, "TRAINER.PROMPTSRC.GPA_MEAN", "2")
        )
    assert (
        train.main([*WORDS, "--output-dir", str(tmp_path / "here"), *resume, "--trainer", "IVLP"])
        == 1
    )
    error = f"error: --resume {there} is not of a run with this configuration: TRAINER.NAME"
    assert capsys.readouterr().err.startswith(error)
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_start_leaves_nothing(tmp_path, error):
    folder, console = tmp_path / "seed1", sys.stdout
    with pytest.raises(error), run_folder.held(config(folder)):
        print("Loading dataset: Emoji")
        assert (folder / "log.txt").is_file() and (folder / "config.yaml").is_file()
        raise error
    assert list(tmp_path.iterdir()) == [] and sys.stdout is console


def test_a_failed_start_leaves_what_was_there(tmp_path):
    for name in ("log.txt", "console.txt"):
        (tmp_path / name).write_text(name)
    with pytest.raises(ValueError), run_folder.held(config(tmp_path)):
        raise ValueError
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "log.txt": "log.txt",
        "console.txt": "console.txt",
    }


def test_a_configuration_of_something_else_stays_with_what_is_beside_it(tmp_path):
    """A folder of the user's own, given as --output-dir."""
    files = {
        "config.yaml": "my: own\n",
        "log.txt": "mine",
        "log.txt-old": "mine",
        "notes.md": "mine",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    message = (
        "config.yaml is not the configuration of a run; use another --output-dir, or move it away"
    )
    with pytest.raises(ValueError, match=message), run_folder.held(config(tmp_path)):
        pytest.fail("the run has begun")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == files


def test_what_a_killed_start_left_is_cleared_and_no_more(tmp_path):
    run_folder.claim(config(tmp_path))
    for name in ("log.txt", "log.txt-2026-01-01-00-00-00", "log.txt.bak"):
        (tmp_path / name).write_text("Loading dataset: Emoji\n")
    with pytest.raises(ValueError), run_folder.held(config(tmp_path)):
        raise ValueError
    assert [file.name for file in tmp_path.iterdir()] == ["log.txt.bak"]


def test_no_room_for_the_configuration_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def half(part, text, encoding):
        part.write_bytes(text[:9].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_folder.Path, "write_text", half)
    message = r"seed1/config.yaml can't be written \(No space left on device\); make room there"
    with pytest.raises(OSError, match=message), run_folder.held(config(tmp_path / "seed1")):
        pytest.fail("the run has begun")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_behind_its_result_keeps_it(tmp_path):
    with pytest.raises(ValueError), run_folder.held(config(tmp_path)):
        print(RESULT)
        raise ValueError
    assert run_folder.has_begun(tmp_path) and (tmp_path / "config.yaml").is_file()


def test_what_is_no_configuration_is_one_line(tmp_path):
    taken(tmp_path)
    (tmp_path / "config.yaml").write_text("[")
    with pytest.raises(ValueError, match="config.yaml is not the configuration of a run"):
        run_folder.claim(config(tmp_path))


def test_what_has_learned_nothing_is_not_tested(tmp_path, in_root, capsys):
    words = [
        "--root",
        "data",
        *WORDS,
        "--config-file",
        "configs/trainers/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx.yaml",
    ]
    assert train.main([*words, "--output-dir", str(tmp_path), "--eval-only"]) == 1
    assert (
        capsys.readouterr().err
        == "error: --eval-only tests what PromptSRC has learned; --model-dir says in which run\n"
    )
