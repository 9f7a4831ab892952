"""config.yaml beside the log: what may differ from it, and what may not."""

from itertools import cycle, islice

import pytest
import yaml

from runs import folder, saved_config
from runs.arguments import parse_args, setup_config
from runs.config import default_config
from tests.conftest import ROOT
from tests.runs.test_folder import RESULT, WORDS, config, taken


def test_the_configuration_can_be_used_again(tmp_path):
    pairs = ["OPTIM.LR", "0.5", "INPUT.SIZE", "(48, 48)"]
    taken(tmp_path, *pairs)
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert (saved["OPTIM"]["LR"], saved["DATASET"]["NAME"], saved["SEED"]) == (0.5, "Emoji", 1)
    again = setup_config(parse_args(["--config-file", str(tmp_path / "config.yaml")]))
    assert again == config(tmp_path, *pairs)


@pytest.mark.parametrize(
    "words, changed",
    [
        (["OPTIM.LR", "0.1"], "OPTIM.LR (there: 0.0003, here: 0.1)"),
        (["SEED", "0"], "SEED (there: 1, here: 0)"),
        (["--eval-only", "--model-dir", "other"], "MODEL_DIR (there: , here: other)"),
        (["--trainer", "IVLP"], "TRAINER.NAME (there: PromptSRC, here: IVLP)"),
        (["OPTIM.MAX_EPOCH", "3"], "OPTIM.MAX_EPOCH (there: 10, here: 3)"),
    ],
)
def test_another_configuration_is_refused_with_its_keys(tmp_path, words, changed):
    taken(tmp_path)
    cfg = config(tmp_path, *words)
    assert not saved_config.matches(cfg)
    with pytest.raises(ValueError, match="another configuration: .*use another --output-dir") as e:
        folder.claim(cfg)
    assert changed in str(e.value)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["USE_CUDA", "False"],
        ["--root", "moved"],
        ["TRAIN.PRINT_FREQ", "1", "DATALOADER.NUM_WORKERS", "0"],
        ["DATALOADER.CACHE_MB", "0", "MODEL.TEXTS_AT_ONCE", "5", "MODEL.BACKBONE.CACHE", "other"],
    ],
)
def test_keys_that_do_not_affect_results_may_differ(tmp_path, words):
    cfg = config(taken(tmp_path), *words)
    assert saved_config.matches(cfg)
    folder.claim(cfg)


def test_a_model_is_tested_with_the_settings_of_its_training(tmp_path):
    taken(tmp_path, "DATASET.NUM_SHOTS", "4")
    test = ["--eval-only", "--model-dir", str(tmp_path)]
    for fine in (
        ["--dataset-config-file", str(ROOT / "configs/datasets/dtd.yaml")],
        ["SEED", "-1", "TRAINER.PROMPTSRC.PREC", "fp32"],
        ["DATASET.NUM_SHOTS", "4", "DATASET.SUBSAMPLE_CLASSES", "new"],
        ["TRAINER.PROMPTSRC.GPA_STD", "2", "TRAINER.PROMPTSRC.TEXT_LOSS_WEIGHT", "1"],
        ["TRAINER.IVLP.N_CTX_TEXT", "3", "REGULATION.ENABLED", "True"],
    ):
        saved_config.check_model(config(tmp_path / "test", *test, *fine))
    for wrong, changed in (
        (["TRAINER.NAME", "IVLP"], r"TRAINER.NAME \(there: PromptSRC, here: IVLP\)$"),
        (["MODEL.BACKBONE.NAME", "RN50"], r"MODEL.BACKBONE.NAME \(there: , here: RN50\)"),
        (["SEED", "2"], r"SEED \(there: 1, here: 2\)"),
        (["DATASET.NUM_SHOTS", "16"], r"DATASET.NUM_SHOTS \(there: 4, here: 16\)"),
        (["TRAINER.PROMPTSRC.N_CTX_TEXT", "2"], r"PROMPTSRC.N_CTX_TEXT \(there: 4, here: 2\)"),
    ):
        with pytest.raises(ValueError, match=f"is a run with other settings: .*{changed}"):
            saved_config.check_model(config(tmp_path / "test", *test, *wrong))


def test_a_reference_implementations_folder_has_no_configuration_to_compare(tmp_path):
    cfg = config(tmp_path / "test", "--eval-only", "--model-dir", str(tmp_path))
    saved_config.check_model(cfg)


def test_only_a_run_of_the_same_configuration_is_resumed(tmp_path):
    there = taken(tmp_path / "there")
    resume = ["--resume", str(there)]

    def check(*words):
        saved_config.check_resumed(config(tmp_path / "here", *words))

    check(*resume, "DATALOADER.NUM_WORKERS", "0")
    check("--resume", str(tmp_path), "OPTIM.LR", "0.1")  # no config.yaml: not of ours
    with pytest.raises(ValueError, match=r"TRAINER.PROMPTSRC.GPA_MEAN \(there: 15.0, here: 2.0\)"):
        check(*resume, "TRAINER.PROMPTSRC.GPA_MEAN", "2")
    with pytest.raises(ValueError, match=f"--resume {there} is a run with another configuration"):
        check(*resume, "--trainer", "IVLP")


def test_a_config_yaml_of_something_else_is_one_line(tmp_path):
    taken(tmp_path)
    (tmp_path / "config.yaml").write_text("[")
    message = "config.yaml is not the configuration of a run; restore or delete it"
    with pytest.raises(ValueError, match=message):
        saved_config.differences(tmp_path / "config.yaml", {"SEED": 1})
    assert not saved_config.is_of_a_run(tmp_path / "config.yaml")


def test_keys_are_dotted(tmp_path):
    assert saved_config.flat({"A": {"B": 1, "C": {"D": 2}}, "E": []}) == {
        "A.B": 1,
        "A.C.D": 2,
        "E": [],
    }
    assert WORDS[0] == "--trainer" and saved_config.plain(config(tmp_path))["SEED"] == 1


def test_entries_of_another_kind_are_refused_or_compared(tmp_path):
    """Each entry of a run's `config.yaml`, replaced by values of other kinds, in turn."""
    here = setup_config(parse_args([*WORDS, "--output-dir", str(tmp_path)]))
    content, file = saved_config.plain(here), tmp_path / saved_config.NAME
    others = cycle([None, "text", -1, 2.5, True, [1, [2]], {"a": 1}, [], {}, 10**30])
    refused = 0
    for key in content:
        for other in islice(others, 3):
            file.write_text(yaml.safe_dump(nested({**content, key: other})))
            try:
                changed = saved_config.differences(file, content)
            except ValueError as error:
                changed = str(error)
            refused += bool(changed)
            assert "\n" not in changed and len(changed) < 1000
    assert refused > 2 * len(content)


def nested(flat):
    """`{"A.B": 1}` as `{"A": {"B": 1}}`."""
    tree = {}
    for key, value in flat.items():
        *places, last = key.split(".")
        node = tree
        for place in places:
            node = node.setdefault(place, {})
        node[last] = value
    return tree


def test_keys_of_dassls_own_methods_are_shown_where_they_are_set(tmp_path):
    cfg = default_config()
    cfg.TRAINER.NAME, cfg.OUTPUT_DIR = "PromptSRC", str(tmp_path)
    folder.claim(cfg)
    (tmp_path / "log.txt").write_text(RESULT)
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text())["TRAINER"]
    assert "PROMPTSRC" in saved and "FIXMATCH" not in saved and "DDAIG" not in saved
    assert saved_config.matches(cfg)
    cfg.TRAINER.FIXMATCH.CONF_THRE = 0.5
    assert saved_config.shown(cfg).TRAINER.FIXMATCH == cfg.TRAINER.FIXMATCH
    assert "DDAIG" not in saved_config.shown(cfg).TRAINER
    changed = saved_config.differences(tmp_path / "config.yaml", saved_config.plain(cfg))
    assert changed == "TRAINER.FIXMATCH.CONF_THRE (there: 0.95, here: 0.5)"


def test_a_run_of_fixmatch_shows_its_keys():
    cfg = default_config()
    cfg.TRAINER.NAME = "FixMatch"
    assert saved_config.shown(cfg).TRAINER.FIXMATCH == cfg.TRAINER.FIXMATCH
