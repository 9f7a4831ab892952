"""The runs of each protocol, their settings, and what waits for what."""

import pytest
import yaml

from runs.protocols import (
    CONFIGS,
    DATASETS,
    ELEVEN,
    FIXED,
    Method,
    base2new,
    fixed_file,
    method_file,
    plan,
    published_settings,
    why_without,
)
from runs.saved_config import plain
from tests.conftest import ROOT


def gpa(cfg):
    return cfg.TRAINER.PROMPTSRC.GPA_MEAN, cfg.TRAINER.PROMPTSRC.GPA_STD


@pytest.mark.parametrize(
    "name, count",
    [("base2new", 66), ("few-shot", 165), ("cross-dataset", 33), ("domain-generalization", 15)],
)
def test_the_runs_of_promptsrcs_protocols(name, count, in_root):
    jobs = plan(name, Method("PromptSRC", "data"))
    assert len(jobs) == len({job.folder for job in jobs}) == count
    for job in jobs[:: max(1, count // 5)]:
        cfg = job.config()
        assert (str(job.folder), "PromptSRC") == (cfg.OUTPUT_DIR, cfg.TRAINER.NAME)
        assert int(job.folder.name.removeprefix("seed")) == cfg.SEED
        assert job.needs is None or str(job.needs.folder) == cfg.MODEL_DIR


def test_every_published_choice_is_a_shipped_file():
    for name, methods in published_settings().items():
        for trainer in (t for t in methods if not why_without(name, t)):
            for dataset in (*DATASETS[name], "imagenet"):
                for shots in (1, 2, 4, 8, 16):
                    setting = Method(trainer, "data").setting(name, dataset, shots)
                    assert setting.file.stem.startswith("vit_b16")
                    assert setting.tested_epoch > 0 or trainer.startswith("Zeroshot")


def test_what_is_learned_for_each_class_has_no_protocol_on_other_classes(in_root):
    said = (
        "TaskRes learns something for each class, and nothing for other classes: it has no "
        "base2new; choose few-shot or domain-generalization"
    )
    for file in (None, method_file("TaskRes", "vit_t8")):
        with pytest.raises(ValueError, match=said):
            plan("base2new", Method("TaskRes", "data", file=file))
    with pytest.raises(ValueError, match="it has no cross-dataset"):
        plan("cross-dataset", Method("TaskRes", "data"))
    jobs = plan("domain-generalization", Method("TaskRes", "data"), seeds=[1])
    assert [job.config().DATASET.NAME for job in jobs] == [
        "ImageNet",
        *("ImageNetV2", "ImageNetSketch", "ImageNetA", "ImageNetR"),
    ]
    assert {job.config().OPTIM.LR for job in jobs} == {0.0002}


def test_the_prompt_average_of_few_shot_is_the_datasets_own(in_root):
    jobs = plan("few-shot", Method("PromptSRC", "data"), seeds=[1], shots=[16])
    settings = {dataset: gpa(job.config()) for dataset, job in zip(ELEVEN, jobs, strict=True)}
    late = {"stanford_cars", "oxford_flowers", "fgvc_aircraft", "dtd", "eurosat"}
    assert settings == {dataset: (45, 5) if dataset in late else (30, 30) for dataset in ELEVEN}
    assert {job.folder.parent.name for job in jobs} == {
        "vit_b16_c2_ep50_batch4_4+4ctx_few_shot_16shots"
    }


def test_the_fixed_prompt_average_of_few_shot_is_the_same_for_all(in_root):
    """Chosen by its method file; otherwise it is the published setting."""
    file = fixed_file("few-shot", "PromptSRC")
    assert file == method_file("PromptSRC", "vit_b16_few_shot_fixed")
    fixed, published = (
        [plain(job.config()) for job in plan("few-shot", method, seeds=[1], shots=[16])]
        for method in (Method("PromptSRC", "data", file=file), Method("PromptSRC", "data"))
    )
    keys = {"TRAINER.PROMPTSRC.GPA_MEAN", "TRAINER.PROMPTSRC.GPA_STD"}
    assert len(fixed) == 11 and {cfg[key] for cfg in fixed for key in keys} == {30}
    for mine, theirs in zip(fixed, published, strict=True):
        assert {key for key in mine if mine[key] != theirs[key]} <= {*keys, "OUTPUT_DIR"}
    assert fixed_file("few-shot", "CoOp") is fixed_file("base2new", "PromptSRC") is None


def test_coops_epochs_follow_the_shots(in_root):
    method = Method("CoOp", "data")
    epochs = {
        k: plan("few-shot", method, ["dtd"], [1], [k])[0].config().OPTIM.MAX_EPOCH
        for k in (1, 2, 4, 8, 16)
    }
    assert epochs == {1: 50, 2: 100, 4: 100, 8: 200, 16: 200}
    assert plan("few-shot", method, ["imagenet"], [1], [16])[0].config().OPTIM.MAX_EPOCH == 50


def test_prograds_projection_and_tcps_epochs_follow_the_dataset(in_root):
    prograd, tcp = Method("ProGrad", "data"), Method("TCP", "data")

    def of(method, protocol, dataset, shots=16):
        return plan(protocol, method, [dataset], [1], [shots])[0].config()

    assert [of(prograd, "few-shot", "dtd", k).LOSS.LAMBDA for k in (1, 4, 8, 16)] == [
        1,
        1,
        0.8,
        0.8,
    ]
    assert of(prograd, "few-shot", "ucf101").LOSS.LAMBDA == 1
    assert [of(prograd, "few-shot", "dtd", k).OPTIM.MAX_EPOCH for k in (1, 4, 8)] == [50, 100, 200]
    for protocol in ("base2new", "few-shot"):
        epochs = [of(tcp, protocol, d).OPTIM.MAX_EPOCH for d in ("dtd", "sun397", "imagenet")]
        assert epochs == [50, 25, 25]
    source, test = plan("cross-dataset", tcp, ["dtd"], [1])
    assert source.config().OPTIM.MAX_EPOCH == test.config().LOAD_EPOCH == 25


def test_tests_wait_for_their_training_and_load_its_last_epoch(in_root):
    method = Method("PromptSRC", "data", pairs=("OPTIM.MAX_EPOCH", "7"))
    source, *tests = plan("cross-dataset", method, ["dtd", "eurosat"], [2])
    assert source.needs is None and all(job.needs == source for job in tests)
    assert {job.config().LOAD_EPOCH for job in tests} == {7}
    train_base, test_new = plan("base2new", method, ["dtd"], [2])
    assert test_new.needs == train_base
    assert [job.config().DATASET.SUBSAMPLE_CLASSES for job in (train_base, test_new)] == [
        "base",
        "new",
    ]


def test_a_test_loads_the_epoch_that_best_val_chose(in_root):
    method = Method("PromptSRC", "data", pairs=("TEST.FINAL_MODEL", "best_val"))
    _, test = plan("base2new", method, ["dtd"], [2])
    assert test.config().LOAD_EPOCH == -1


def test_shots_of_base2new(in_root):
    jobs = plan("base2new", Method("PromptSRC", "data"), ["dtd"], [1], [1, 4])
    assert [job.config().DATASET.NUM_SHOTS for job in jobs] == [1, 1, 4, 4]
    assert len({job.folder for job in jobs}) == 4
    assert len(plan("base2new", Method("ZeroshotCLIP", "data"), ["dtd"], [1], [1, 4])) == 2
    default = plan("base2new", Method("PromptSRC", "data"), ["dtd"], [1])
    assert [job.config().DATASET.NUM_SHOTS for job in default] == [16, 16]
    assert len(plan("few-shot", Method("PromptSRC", "data"), ["dtd"], [1])) == 5


@pytest.mark.parametrize("epoch", ["7", "7.0"])
def test_epochs_are_read_as_train_py_reads_them(epoch, in_root):
    test = plan(
        "base2new", Method("PromptSRC", "data", pairs=("OPTIM.MAX_EPOCH", epoch)), ["dtd"], [2]
    )[1]
    assert (test.config().LOAD_EPOCH, test.config().OPTIM.MAX_EPOCH) == (7, 7)


@pytest.mark.parametrize("key", FIXED)
def test_what_a_folder_says_is_not_set_otherwise(key):
    with pytest.raises(ValueError, match=f"{key} is part of the folder's name, .*; use "):
        Method("PromptSRC", "data", pairs=("OPTIM.LR", "0.1", key, "1"))


def test_zero_shot_needs_no_training(in_root):
    method = Method("ZeroshotCLIP", "data")
    for name in DATASETS:
        assert all(
            job.needs is None and not job.config().MODEL_DIR
            for job in plan(name, method, seeds=[1])
        )
    names = [job.folder.name for job in plan("domain-generalization", method)]
    assert names == ["imagenet", "imagenetv2", "imagenet_sketch", "imagenet_a", "imagenet_r"]


def test_method_files_by_the_start_of_their_name():
    assert method_file("ZeroshotCLIP2", "vit_b16") == CONFIGS / "trainers/CoOp/vit_b16.yaml"
    assert method_file("PromptSRC", "vit_t8").stem == "vit_t8_c2_ep20_batch4_4+4ctx"
    with pytest.raises(
        ValueError, match="no method file of PromptSRC starts with 'vit_l'; .* has vit_b16_c2"
    ):
        method_file("PromptSRC", "vit_l")


def test_an_unknown_method_names_those_that_exist():
    message = "base2new has no settings for method 'PromptSRCC'; choose one of PromptSRC, IVLP"
    with pytest.raises(ValueError, match=message):
        Method("PromptSRCC", "data").setting("base2new", "dtd")


def test_the_data_file_has_every_protocol_and_method():
    table = yaml.safe_load((ROOT / "configs/protocols.yaml").read_text())
    assert list(table) == list(DATASETS)
    assert len({frozenset(methods) for methods in table.values()}) == 1


def test_an_own_method_runs_with_its_method_file(tmp_path, in_root):
    method = Method("Mine", "data", file=tmp_path / "mine.yaml", load_epoch=3)
    train, test = base2new(method, "dtd", 1, shots=4)
    assert str(train.folder) == "output/base2new/train_base/dtd/shots_4/Mine/mine/seed1"
    assert test.needs == train and test.words[-8:-4] == (
        "--model-dir",
        str(train.folder),
        "--load-epoch",
        "3",
    )


def test_flags_of_all_runs_come_first_so_that_the_plan_counts():
    method = Method("PromptSRC", "data", flags=("--seed", "7", "--deterministic"))
    args = plan("base2new", method, ["dtd"], [2])[0].args
    assert (args.seed, args.deterministic) == (2, True)
