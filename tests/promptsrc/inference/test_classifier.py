"""A classifier from a prompt file gives what the trainer gives, for its classes and others."""

import numpy as np
import pytest
import torch
from dassl.data.transforms import build_transform
from dassl.engine import TRAINER_REGISTRY
from dassl.utils import read_image
from PIL import Image
from safetensors.torch import save_file

import promptsrc
from promptsrc.clip.frozen import build_clip
from promptsrc.inference import images
from promptsrc.inference.classifier import Classifier
from promptsrc.inference.prompt_file import (
    PromptFile,
    read_foreign_checkpoint,
    read_prompts,
    write_prompts,
)
from promptsrc.prompts import DeepPrompts
from tests.parity import batches_of, config_of, eval_images_of, load_cases, recorded
from tests.parity.cases import GOLDENS

CASES, TOLERANCES = load_cases(GOLDENS)
CASE_OF = {
    "PromptSRC": "promptsrc_default",
    "IVLP": "ivlp_default",
    "VPT": "ivlp_default",  # weights and batches only: it has no golden of its own
    "MaPLe": "maple_default",
    "CoOp": "coop_generic",
    "KgCoOp": "coop_generic",
    "ProGrad": "coop_generic",
    "TCP": "coop_generic",
    "CoCoOp": "cocoop_default",
    "ExtrasLinearProbeCoOp": "coop_generic",
    "ExtrasLinearProbeMaPLe": "maple_default",
    "MMRL": "ivlp_default",  # as VPT
    "MMRLpp": "ivlp_default",
}
NEW = ["red_fox", "owl"]


def config(method, output):
    cfg = config_of(CASES[CASE_OF[method]], output)
    cfg.TRAINER.NAME, cfg.OPTIM.MAX_EPOCH = method, 1
    node = cfg.TRAINER[TRAINER_REGISTRY.get(method).node]
    node.PREC = "fp32"
    if "REP_LAYERS" in node:
        node.REP_LAYERS = [2, 3]
    cfg.INPUT.TRANSFORMS, cfg.INPUT.INTERPOLATION = ("random_flip", "normalize"), "bicubic"
    return cfg


def trainer(method, output, names=None):
    case, cfg = CASES[CASE_OF[method]], config(method, output)
    cfg.DATASET.SUBSAMPLE_CLASSES = "new" if names else "base"
    kind = TRAINER_REGISTRY.get(method)
    return recorded(kind, names or case["class_names"], batches_of(case))(cfg)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Five images of several sizes in nested folders, besides what is none."""
    folder, noise = tmp_path_factory.mktemp("photos of mine"), np.random.RandomState(0)
    (folder / "ä b").mkdir()
    (folder / ".hidden").mkdir()
    for name, size in {
        "ä b/2.PNG": (40, 50),
        "ä b/10.png": (100, 37),
        "c.png": (32, 32),
        "d.bmp": (9, 33),
    }.items():
        Image.fromarray(noise.randint(0, 256, (*size, 3), dtype=np.uint8)).save(folder / name)
    Image.fromarray(noise.randint(0, 256, (48, 48), dtype=np.uint8)).save(folder / "e.png")  # grey
    for name in ("notes.txt", ".hidden.png", ".hidden/1.png"):
        (folder / name).write_text("no image")
    return folder


FILES = ["c.png", "d.bmp", "e.png", "ä b/10.png", "ä b/2.PNG"]


def probabilities(predictions, names):
    """(B, C) in the order of `names`."""
    rows = [dict(prediction.classes) for prediction in predictions]
    return torch.tensor([[row[name] for name in names] for row in rows])


@pytest.mark.slow
@pytest.mark.parametrize("method", CASE_OF)
def test_probabilities_are_the_trainers_for_trained_and_new_names(tmp_path, photos, method):
    torch.manual_seed(0)
    run = trainer(method, tmp_path)
    run.train()
    test = build_transform(run.cfg, is_train=False)
    batch = torch.stack([test(read_image(str(photos / name))) for name in FILES])
    classifier = promptsrc.load(tmp_path, "cpu")
    other = trainer(method, tmp_path, NEW)
    other.load_model(str(tmp_path), epoch=1)
    for truth, names in ((run, None), (other, NEW)):
        with torch.no_grad():
            expected = truth.model_inference(batch).softmax(-1)
        found = classifier.classify(photos, names)
        assert [prediction.image for prediction in found] == [photos / name for name in FILES]
        ours = probabilities(found, truth.classnames)
        assert (ours - expected).abs().max() < 1e-6
        in_twos = probabilities(classifier.classify(photos, names, batch_size=2), truth.classnames)
        assert (
            (in_twos - expected).abs().max() < 2e-5
        )  # float32 products of other sizes round otherwise, and logits are large
        one = classifier.classify(Image.open(photos / "d.bmp"), names)
        assert one[0].image is None
        assert (probabilities(one, truth.classnames) - expected[1:2]).abs().max() < 2e-5
        for prediction in found:
            values = [c.probability for c in prediction.classes]
            assert values == sorted(values, reverse=True) and sum(values) == pytest.approx(
                1, abs=1e-6
            )
    write_prompts(read_prompts(tmp_path), tmp_path / "a.safetensors")
    assert promptsrc.load(tmp_path / "a.safetensors", "cpu").classify(
        photos
    ) == classifier.classify(photos)


@pytest.mark.parametrize("name", ["promptsrc_ckpt_small", "coop_generic", "cocoop_default"])
def test_a_reference_checkpoint_classifies_once_it_is_described(tmp_path, name):
    case = CASES[name]
    cfg = config_of(case, tmp_path)
    (file,) = GOLDENS.glob(f"checkpoints/{name}/*/model*")
    words = cfg.TRAINER[case["trainer"].upper()].CTX_INIT
    prompts = read_foreign_checkpoint(file, cfg.MODEL.BACKBONE.NAME, words)
    classifier = Classifier(prompts, "cpu")
    with torch.no_grad():
        logits = classifier.model(case["novel_class_names"]).classify(eval_images_of(case))
    difference = np.abs(
        logits.numpy() - np.load(GOLDENS / f"{name}.npz")["eval_logits_novel"]
    ).max()
    assert difference <= TOLERANCES["fp32"]["logits"]
    assert classifier.preprocess == images.Preprocessing(
        32, images.CLIP_MEAN, images.CLIP_STD, "bicubic"
    )
    with pytest.raises(ValueError, match="do not name their classes; give names: --classnames"):
        classifier.classify([])


def test_classes_are_encoded_once_for_a_set_of_names(tmp_path, photos, monkeypatch):
    trainer("PromptSRC", tmp_path).train()
    classifier, calls = promptsrc.load(tmp_path, "cpu"), []
    encode = classifier._frozen.encode_text
    monkeypatch.setattr(
        classifier._frozen, "encode_text", lambda *given: calls.append(given) or encode(*given)
    )
    for names in (None, NEW, None, NEW):
        classifier.classify(photos, names, batch_size=1)
    assert len(calls) == 2


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    description = {"method": "CoOp", "backbone": "ViT-T/8", "learner": "ContextPrompts"}
    state = {"ctx": 0.02 * torch.randn(3, 128)}
    return Classifier(
        PromptFile(description | {"settings": {"n": 3}}, state),
        "cpu",
    )


def test_it_says_what_it_is(classifier):
    about = classifier._prompts
    for names, said in (
        (["owl", "cat"], "2 classes (owl, cat)"),
        (["owl", "cat", "dog", "ape"], "4 classes (owl, cat, dog, ...)"),
    ):
        named = Classifier(about.describing(classnames=names), "cpu")
        assert repr(named).endswith(f" on {about.description['backbone']}, {said}>")


@pytest.mark.parametrize(
    "names, message",
    [
        (["owl", " "], "classnames: name 2 is empty"),
        ([], "classnames: name 1 is empty"),
        (
            ["fire truck", "owl", "fire_truck"],
            r"duplicate class name 'fire_truck' \(the same as 'fire truck'\)",
        ),
        (["owl", "very " * 80], "longer than CLIP's 77 tokens; shorten the class name"),
        ("owl", "is the text 'owl'; give a list"),
    ],
)
def test_names_that_cannot_be_used(classifier, photos, names, message):
    with pytest.raises(ValueError, match=message):
        classifier.classify(photos, names)


def test_the_names_trained_on_may_hold_one_twice_as_published_lists_do(classifier, photos):
    names = ["missile", "owl", "Missile"]
    twice = Classifier(classifier._prompts.describing(classnames=names), "cpu")
    assert [p.classes for p in twice.classify(photos, names)] == [
        p.classes for p in twice.classify(photos)
    ]
    with pytest.raises(ValueError, match="duplicate class name"):
        twice.classify(photos, names[::-1])


def test_images_that_cannot_be_used(classifier, photos, tmp_path):
    with pytest.raises(FileNotFoundError, match="no image or folder at"):
        classifier.classify([photos, photos / "none.png"], NEW)
    with pytest.raises(ValueError, match=r"has no images \(.*\.bmp "):
        classifier.classify(tmp_path, NEW)
    with pytest.raises(ValueError, match="batch_size is 0; it must be at least 1"):
        classifier.classify(photos, NEW, batch_size=0)
    with pytest.raises(OSError, match="notes.txt can't be read"):
        classifier.classify([photos / "notes.txt"], NEW)
    skipped = []
    found = list(
        classifier.predictions(
            [photos / "notes.txt", photos / "c.png"], NEW, unreadable=skipped.append
        )
    )
    assert [prediction.image for prediction in found] == [photos / "c.png"]
    assert "notes.txt can't be read" in str(skipped[0]) and len(skipped) == 1


def test_a_context_of_the_classes_takes_as_many_names():
    description = {"method": "CoOp", "backbone": "ViT-T/8", "learner": "ContextPrompts"}
    prompts = PromptFile(
        description | {"settings": {"n": 3, "classes": 2}}, {"ctx": torch.zeros(2, 3, 128)}
    )
    classifier = Classifier(prompts, "cpu")
    classifier.model(NEW)
    with pytest.raises(
        ValueError, match=r"ctx is \(2, 3, 128\), not \(3, 3, 128\) \(one per class, for 2 classes"
    ):
        classifier.model([*NEW, "cat"])


def test_contexts_per_class_are_found_by_name():
    description = {
        "method": "CoOp",
        "backbone": "ViT-T/8",
        "learner": "ContextPrompts",
        "classnames": ["cat", "dog", "owl"],
        "settings": {"n": 3, "classes": 3},
    }
    contexts = torch.randn(3, 3, 128)
    prompts = PromptFile(description, {"ctx": contexts})
    classifier = Classifier(prompts, "cpu")
    assert classifier.model().classnames == ["cat", "dog", "owl"]
    some = classifier.model(["owl", "cat"])
    assert torch.equal(some.prompts.ctx, contexts[[2, 0]])
    torch.testing.assert_close(
        some.class_features(), classifier.model().class_features()[[2, 0]], atol=1e-6, rtol=0
    )
    with pytest.raises(ValueError, match="but not for 'crane'; it knows cat, dog, owl"):
        classifier.model(["owl", "crane"])


def test_a_backbone_that_has_moved_is_named(tiny_state, tmp_path):
    save_file(tiny_state, tmp_path / "clip.safetensors")
    learner = DeepPrompts(build_clip(tiny_state), [], 2, 1, 0, 0, "a photo")
    settings = {"n_text": 2, "depth_text": 1, "n_image": 0, "depth_image": 0, "ctx_init": "a photo"}
    description = {
        "method": "IVLP",
        "backbone": "/gone/clip.safetensors",
        "learner": "DeepPrompts",
        "settings": settings,
    }
    write_prompts(
        PromptFile(description, learner.state_dict()),
        tmp_path / "p.safetensors",
    )
    with pytest.raises(ValueError, match="backbone '/gone/clip.safetensors' is neither a name"):
        promptsrc.load(tmp_path / "p.safetensors", "cpu")
    classifier = promptsrc.load(
        tmp_path / "p.safetensors", "cpu", backbone=str(tmp_path / "clip.safetensors")
    )
    assert classifier.preprocess.size == 32


def test_prompts_with_nan_are_refused(classifier):
    state = {
        key: value.clone() for key, value in classifier.model(NEW).prompts.state_dict().items()
    }
    name = next(iter(state))
    state[name][0] = float("nan")
    with pytest.raises(ValueError, match=f"has NaN or Inf in {name}; train again"):
        Classifier(PromptFile(classifier.description, state), "cpu").model(NEW)


def test_names_that_were_trained_on_twice_are_used_as_they_are(classifier, photos):
    names = ["owl", "crane", "crane"]
    prompts = PromptFile(
        classifier.description | {"classnames": names}, classifier.model(NEW).prompts.state_dict()
    )
    for prediction in Classifier(prompts, "cpu").classify(photos):
        assert sorted(name for name, _ in prediction.classes) == ["crane", "crane", "owl"]


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there(classifier, device):
    with pytest.raises(ValueError, match=f"device '{device}' cannot be used here"):
        Classifier(PromptFile(classifier.description, {}), device)


def test_settings_that_the_learner_does_not_take():
    description = {"method": "IVLP", "backbone": "ViT-T/8", "learner": "DeepPrompts"}
    prompts = PromptFile(description | {"settings": {"n": 3}, "classnames": ["owl"]}, {})
    with pytest.raises(ValueError, match="DeepPrompts does not take the settings {'n': 3}"):
        Classifier(prompts, "cpu")


def test_processes_that_decode_change_nothing(classifier, photos):
    truth = list(classifier.predictions(photos, NEW))
    assert list(classifier.predictions(photos, NEW, processes=2)) == truth
    errors = []
    files = [photos / "notes.txt", photos / "c.png"]
    (found,) = classifier.predictions(files, NEW, unreadable=errors.append, processes=1)
    assert found.image == photos / "c.png" and len(errors) == 1
    with pytest.raises(OSError, match="notes.txt can't be read"):
        list(classifier.predictions(files, NEW, processes=1))
