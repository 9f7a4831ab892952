"""A short command line is completed: photos, a method, its settings, a folder."""

import pytest
from PIL import Image

from runs.arguments import parse_args, setup_config
from runs.completed import completed
from runs.early import check
from runs.saved_config import NAME, shown
from tests.conftest import ROOT

PROMPTSRC = "vit_t8_c2_ep20_batch4_4+4ctx"


@pytest.fixture
def photos(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(4):
            Image.new("RGB", (2, 2)).save(tmp_path / "pets" / name / f"{index}.png")
    return tmp_path / "pets"


def test_photos_alone_are_enough(photos, in_root):
    cfg = setup_config(parse_args([str(photos)]))
    assert cfg.DATASET.NAME == "ImageFolder" and str(photos) == cfg.DATASET.ROOT
    assert (cfg.TRAINER.NAME, cfg.MODEL.BACKBONE.NAME, cfg.SEED) == ("PromptSRC", "ViT-T/8-v2", 1)
    assert (cfg.OUTPUT_DIR, cfg.INPUT.SIZE, cfg.OPTIM.MAX_EPOCH) == ("output/pets", (48, 48), 20)


@pytest.mark.parametrize("words", [["--root", "{}"], ["DATASET.ROOT", "{}"]])
def test_a_root_without_a_dataset_means_the_same(photos, words, in_root):
    args = completed(parse_args([word.format(photos) for word in words]))
    assert args.own == completed(parse_args([str(photos)])).own != {}
    assert args.output_dir == "output/pets" and PROMPTSRC in args.config_file


def test_what_is_typed_counts(photos, in_root):
    words = [str(photos), "--trainer", "coop", "--seed", "0", "--backbone", "ViT-B/16"]
    cfg = setup_config(parse_args([*words, "DATASET.SPLIT", "(0.5, 0, 0.5)"]))
    assert (cfg.TRAINER.NAME, cfg.SEED, cfg.DATASET.SPLIT) == ("CoOp", 0, (0.5, 0, 0.5))
    assert (cfg.MODEL.BACKBONE.NAME, cfg.INPUT.SIZE) == ("ViT-B/16", (224, 224))
    assert cfg.OUTPUT_DIR == "output/pets-CoOp-ViT-B-16"
    assert setup_config(parse_args([*words, "OUTPUT_DIR", "here"])).OUTPUT_DIR == "here"


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["--backbone", "ViT-B/16"], "pets-ViT-B-16"),
        (["MODEL.BACKBONE.NAME", "RN50"], "pets-RN50"),
        (["--backbone", "open_clip:ViT-B-32/laion2b"], "pets-open_clip:ViT-B-32-laion2b"),
        (["--backbone", "ViT-T/8-v2"], "pets"),
        (["--backbone", "ViT-T/8"], "pets-ViT-T-8"),
        (["--backbone", "{}/weights.pt"], "pets-weights"),
        (["--trainer", "vpt", "--backbone", "{}/weights.pt"], "pets-VPT-weights"),
    ],
)
def test_each_method_and_backbone_has_its_own_folder(photos, words, folder, tmp_path, in_root):
    (tmp_path / "weights.pt").touch()
    words = [word.format(tmp_path) for word in words]
    assert completed(parse_args([str(photos), *words])).output_dir == f"output/{folder}"


@pytest.mark.parametrize(("place", "typed"), [(".", "."), ("cat", "..")])
def test_no_run_is_written_among_the_photos(photos, place, typed, monkeypatch):
    monkeypatch.setattr("runs.settings.CONFIGS", ROOT / "configs")  # as if imported there
    monkeypatch.chdir(photos / place)
    output = str(photos.parent / "output" / "pets")
    assert completed(parse_args([typed])).output_dir == output


@pytest.mark.parametrize(
    ("place", "typed", "output"),
    [
        (".", "holiday.2024", "output/run-on-holiday.2024"),  # not that of holiday.2025
        ("holiday.2024", ".", "{}/output/run-on-holiday.2024"),
        (".", "table.csv", "output/run-on-table"),
    ],
)
def test_tests_of_other_images_have_folders_outside_of_them(
    photos, place, typed, output, tmp_path, monkeypatch
):
    monkeypatch.setattr("runs.settings.CONFIGS", ROOT / "configs")  # as if imported there
    cfg = setup_config(parse_args([str(photos)]))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / NAME).write_text(shown(cfg).dump())
    photos.rename(tmp_path / "holiday.2024")
    (tmp_path / "table.csv").write_text("path,class\nholiday.2024/cat/0.png,cat\n")
    monkeypatch.chdir(tmp_path / place)
    args = parse_args(["--eval-only", typed, "--model-dir", str(tmp_path / "run")])
    assert completed(args).output_dir == output.format(tmp_path)


@pytest.mark.parametrize("words", [["--root", "elsewhere"], ["DATASET.ROOT", "elsewhere"]])
def test_two_places_of_photos_contradict(photos, words, in_root):
    with pytest.raises(ValueError, match=r"named twice, .*pets and --root elsewhere; leave one"):
        completed(parse_args([str(photos), *words]))


def test_a_published_dataset_needs_its_backbone_only(in_root):
    words = ["--trainer", "MAPLE", "--root", "data", "--dataset-config-file"]
    words += ["configs/datasets/eurosat.yaml"]
    args = parse_args(words)
    with pytest.raises(ValueError, match=r"add --backbone ViT-B/16, or --config-file configs/trai"):
        check(setup_config(args), args)
    cfg = setup_config(parse_args([*words, "--backbone", "ViT-B/16"]))
    assert (cfg.DATASET.NAME, cfg.TRAINER.MAPLE.PREC, cfg.SEED) == ("EuroSAT", "fp16", -1)


def test_photos_and_another_dataset_contradict(photos, in_root):
    with pytest.raises(ValueError, match="photos of your own, and EuroSAT is another dataset"):
        setup_config(parse_args([str(photos), "DATASET.NAME", "EuroSAT"]))


def test_what_is_not_there_is_said(tmp_path, in_root):
    with pytest.raises(ValueError, match="nowhere"):
        setup_config(parse_args([str(tmp_path / "nowhere")]))


def test_the_config_of_a_run_has_its_dataset(photos, tmp_path, in_root):
    file = tmp_path / "run" / "config.yaml"
    file.parent.mkdir()
    file.write_text(setup_config(parse_args([str(photos)])).dump())
    cfg = setup_config(parse_args(["--config-file", str(file), "--root", str(photos)]))
    assert (cfg.DATASET.NAME, cfg.TRAINER.NAME) == ("ImageFolder", "PromptSRC")
