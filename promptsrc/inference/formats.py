"""Prompts in the formats of other places: ONNX, a torch.export program, class weights, safetensors.

    images (B, 3, R, R), normalised -> image tower with its prompts -> unit features (B, D)
                                    -> class matrix (D, C) -> logits (B, C)

The softmax of the logits is what `Classifier` gives. ONNX and program take any B; they carry the
class names and the arguments of `promptsrc.inference.images.Preprocessing`, as JSON. Each is read
back and compared with PyTorch before it gets its name.
"""

import dataclasses
import importlib.util
import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from promptsrc.clip.towers import encode_image
from promptsrc.clip.vectors import tensors_of, with_tensors
from promptsrc.files import replacing
from promptsrc.inference.classifier import Classifier
from promptsrc.inference.prompt_file import PromptFile, write_prompts
from promptsrc.model import Encoded, PromptedCLIP, unit

TOLERANCE = 1e-4  # of a logit, relative to the largest
ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
Report = Callable[[str], object]


def write(
    prompts: PromptFile,
    classnames: Sequence[str] | None,
    path: str | os.PathLike,
    report: Report = lambda stage: None,
) -> str:
    """Write `path` in the format of its ending; returns a line about it.

    Args:
        classnames: by default those trained on.
        report: is called with what is done next, since some of it takes minutes.

    Raises:
        ValueError: the class names are unknown or do not fit; the format cannot hold the prompts,
            lacks a package, or computes something else.
        FileNotFoundError: there is no folder to write to.
    """
    ending = Path(path).suffix
    if ending == ".safetensors":
        if classnames is not None:
            classifier = Classifier(prompts, "cpu")
            names = classifier.model(classnames).classnames  # refuses those that do not fit
            tensors = classifier.learner(names).state_dict()  # only what is for these classes
            prompts = prompts.describing(classnames=names)._replace(tensors=tensors)
        write_prompts(prompts, path)
        return f"{prompts.parameters:,} parameters, {prompts.description}"
    report(f"Loading {prompts.description['backbone']}")
    classifier = Classifier(prompts, "cpu")
    report("Encoding the classes")
    model = classifier.model(classnames)
    if not _can_hold(ending, model):
        raise ValueError(
            f"{prompts.description['method']}'s logits are not image features times one class "
            "matrix; write .safetensors, which predict.py reads"
        )
    about = {"classnames": model.classnames, "input": dataclasses.asdict(classifier.preprocess)}
    texts = {key: json.dumps(value) for key, value in about.items()}
    return WRITERS[ending](model, texts, path, report)


class ImageClassifier(nn.Module):
    """The image tower with its prompts, and the encoded classes, as one module.

    `encode_image` takes it for a CLIP, since it has `visual` and `dtype`; so the text tower is not
    exported.
    """

    scale: Tensor
    classes: Tensor
    raw_classes: Tensor

    def __init__(self, model: PromptedCLIP):
        super().__init__()
        self.visual = model.frozen.clip.visual
        self.resolution = model.frozen.resolution
        vectors = model.prompts.image
        self.entries = {
            i: with_tensors(v, iter([t.detach() for t in tensors_of(v)]))
            for i, v in vectors.items()
        }
        self.vectors = nn.ParameterList(
            nn.Parameter(tensor, requires_grad=False)
            for entry in self.entries.values()
            for tensor in tensors_of(entry)
        )
        self.register_buffer("scale", model.frozen.clip.logit_scale.exp())
        self.register_buffer("classes", model.class_features())  # (C, D)
        self.register_buffer("raw_classes", model.raw_class_features())
        self.read = model.read  # with its parameters, if it has some

    @property
    def dtype(self) -> torch.dtype:
        return self.visual.conv1.weight.dtype

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, R, R) -> logits (B, C)"""
        tensors = iter(self.vectors)
        vectors = {i: with_tensors(entry, tensors) for i, entry in self.entries.items()}
        raw = encode_image(self, images, vectors)
        image, text = unit(raw), self.classes
        return self.read(Encoded(image, text, self.scale * image @ text.t(), raw, self.raw_classes))

    def random_images(self, count: int) -> Tensor:
        """(count, 3, R, R), the same each time."""
        generator = torch.Generator().manual_seed(count)
        return torch.randn(count, 3, self.resolution, self.resolution, generator=generator)


@torch.no_grad()
def _can_hold(ending: str, model: PromptedCLIP) -> bool:
    """Whether an `ImageClassifier` gives its logits; a method's own student may add to them.

    A class matrix lacks what a test reads besides, such as DePT's probe.
    """
    if not model.classes_are_fixed:
        return False
    module = ImageClassifier(model)
    images = module.random_images(2)
    found = [module(images)]
    if ending == ".npz":
        encoded = model.encode(images)
        found.append(model.frozen.logits(encoded.image, encoded.text))
    expected = model.classify(images)
    return all(torch.allclose(logits, expected, atol=1e-3) for logits in found)


def write_onnx(
    model: PromptedCLIP, about: dict[str, str], path: str | os.PathLike, report: Report
) -> str:
    """images -> logits, checked with onnxruntime; `about` is its metadata."""
    if missing := [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]:
        raise ValueError(f"ONNX needs {', '.join(missing)}: pip install .[onnx]")
    import onnx
    import onnxruntime

    # its optimizer reports each layer norm that it leaves alone
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    module = ImageClassifier(model).eval()
    report("Translating the image tower to ONNX")
    exported: Any = torch.onnx.export(  # its type allows None, which only the older exporter gives
        _program(module),
        dynamo=True,
        input_names=["images"],
        output_names=["logits"],
        verbose=False,
    )
    proto = exported.model_proto
    onnx.helper.set_model_props(proto, about)
    with replacing(path) as part:
        onnx.save(proto, part)
        report("Comparing it with PyTorch")
        session = onnxruntime.InferenceSession(part, providers=["CPUExecutionProvider"])

        def run(images: Tensor) -> Tensor:
            return torch.from_numpy(session.run(None, {"images": images.numpy()})[0])

        return f"images -> logits, within {_difference(module, run):.0e} of PyTorch"


def write_program(
    model: PromptedCLIP, about: dict[str, str], path: str | os.PathLike, report: Report
) -> str:
    """A `torch.export` program, images -> logits; `about` is its extra files."""
    module = ImageClassifier(model).eval()
    with replacing(path) as part:
        report("Tracing the image tower")
        torch.export.save(_program(module), part, extra_files=about)
        report("Comparing it with PyTorch")
        difference = _difference(module, torch.export.load(part).module())
        return f"images -> logits, within {difference:.0e} of PyTorch"


def write_class_weights(
    model: PromptedCLIP, about: dict[str, str], path: str | os.PathLike, report: Report
) -> str:
    """The class matrix, as open_clip's zero-shot classifiers have it.

    `weights` (D, C), a unit column per class; `classnames` (C,); `logit_scale`. The probabilities
    are softmax(logit_scale * unit image features @ weights). The plain CLIP's image features fit
    only without image prompts (CoOp, text-only IVLP).
    """
    weights = model.class_features().t().cpu().numpy()
    scale = model.frozen.clip.logit_scale.exp().cpu().numpy()
    names = np.array(model.classnames)
    with replacing(path) as part, open(part, "wb") as file:
        np.savez(file, weights=weights, classnames=names, logit_scale=scale)
    if not model.prompts.image:
        return f"weights {weights.shape}, for images of the plain CLIP"
    return (
        f"weights {weights.shape}, NOT for images of the plain CLIP: there are image prompts too; "
        ".onnx and .pt2 have the image tower with them"
    )


WRITERS = {".onnx": write_onnx, ".pt2": write_program, ".npz": write_class_weights}


def _program(module: ImageClassifier) -> torch.export.ExportedProgram:
    """Traced on two images, for any number of them."""
    batch = torch.export.Dim("batch", max=2**20)  # PyTorch 2.5 requires a bound
    shapes = {"images": {0: batch}}
    with torch.no_grad():
        return torch.export.export(module, (module.random_images(2),), dynamic_shapes=shapes)


@torch.no_grad()
def _difference(module: ImageClassifier, other: Callable[[Tensor], Tensor]) -> float:
    """The largest difference of logits, relative to the largest logit, for one image and for three.

    Raises:
        ValueError: it is above TOLERANCE.
    """
    largest = 0.0
    for images in (module.random_images(1), module.random_images(3)):
        expected = module(images)
        difference = (other(images) - expected).abs().max() / expected.abs().max()
        largest = max(largest, float(difference))
    if not largest <= TOLERANCE:  # also NaN
        raise ValueError(
            f"the export differs by {largest:.0e} from PyTorch, more than {TOLERANCE:.0e}; nothing "
            "is written"
        )
    return largest
