"""A trained classifier for places without this project: ONNX, a torch.export program, or its class weights alone.

    images (B, 3, R, R), normalised ──► image tower with its prompts ──► unit features (B, D) ──► class matrix ──► logits (B, C)

Softmax of the logits is what `Classifier` gives. ONNX and program take any B, and carry the class names and what makes an image
file a tensor (`promptsrc.inference.images.Preprocessing`). Each is read back and compared with PyTorch before it gets its name.
"""

import dataclasses
import importlib.util
import json
import logging
import os
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from promptsrc.clip.towers import encode_image
from promptsrc.files import replacing
from promptsrc.inference.classifier import Classifier
from promptsrc.model import PromptedCLIP, unit

TOLERANCE = 1e-4  # of a logit, relative to the largest
ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


class ImageClassifier(nn.Module):
    """The part of a prompted CLIP that images run through, its classes encoded, as one module.

    It stands in for a CLIP in `encode_image`, which asks for `visual` and `dtype`, so that the text tower is not carried along.
    """

    def __init__(self, model: PromptedCLIP):
        super().__init__()
        self.visual = model.frozen.clip.visual
        vectors = model.prompts.image
        self.blocks = list(vectors)
        self.vectors = nn.ParameterList(
            nn.Parameter(v.detach(), requires_grad=False) for v in vectors.values()
        )
        self.register_buffer("scale", model.frozen.clip.logit_scale.exp())
        self.register_buffer("classes", model.class_features())  # (C, D)

    @property
    def dtype(self) -> torch.dtype:
        return self.visual.conv1.weight.dtype

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, R, R) -> logits (B, C)"""
        vectors = dict(zip(self.blocks, self.vectors, strict=True))
        return self.scale * unit(encode_image(self, images, vectors)) @ self.classes.t()


def write_onnx(
    classifier: Classifier, classnames: Sequence[str] | None, path: str | os.PathLike
) -> str:
    """images -> logits, checked with onnxruntime; returns a line about it. Metadata: `classnames` and `input`, JSON.

    Raises:
        ValueError: a package is missing, text prompts follow the image, or ONNX computes something else.
        FileNotFoundError: there is no folder to write to.
    """
    if missing := [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]:
        raise ValueError(f"ONNX needs {', '.join(missing)}: pip install .[onnx]")
    import onnx
    import onnxruntime

    logging.getLogger("onnxscript").setLevel(
        logging.ERROR
    )  # its optimizer says of each layer norm what it leaves as it is
    module, about = _module(classifier, classnames)
    exported = torch.onnx.export(
        _program(classifier, module),
        dynamo=True,
        input_names=["images"],
        output_names=["logits"],
        verbose=False,
    )
    proto = exported.model_proto
    onnx.helper.set_model_props(proto, about)
    with replacing(path) as part:
        onnx.save(proto, part)
        session = onnxruntime.InferenceSession(part, providers=["CPUExecutionProvider"])
        difference = _compare(
            classifier,
            module,
            lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0]),
        )
    return f"images -> logits, within {difference:.0e} of PyTorch"


def write_program(
    classifier: Classifier, classnames: Sequence[str] | None, path: str | os.PathLike
) -> str:
    """A `torch.export` program, images -> logits; returns a line about it. Extra files: `classnames` and `input`, JSON.

    Raises:
        ValueError: text prompts follow the image, or the program computes something else.
        FileNotFoundError: there is no folder to write to.
    """
    module, about = _module(classifier, classnames)
    with replacing(path) as part:
        torch.export.save(_program(classifier, module), part, extra_files=about)
        difference = _compare(classifier, module, torch.export.load(part).module())
    return f"images -> logits, within {difference:.0e} of PyTorch"


def write_class_weights(
    classifier: Classifier, classnames: Sequence[str] | None, path: str | os.PathLike
) -> str:
    """The class matrix as open_clip's zero-shot classifiers have it; returns a line about it.

    `weights` (D, C), a unit column a class; `classnames` (C,); `logit_scale`: softmax(logit_scale · unit image features · weights).
    Image features are those of the plain CLIP only where no image prompts were learned (CoOp, text-only IVLP).

    Raises:
        ValueError: text prompts follow the image.
        FileNotFoundError: there is no folder to write to.
    """
    model = classifier.model(classnames)
    _check_fixed(model)
    weights = model.class_features().t().cpu().numpy()  # (D, C)
    scale = model.frozen.clip.logit_scale.exp().cpu().numpy()
    with replacing(path) as part, open(part, "wb") as file:
        np.savez(file, weights=weights, classnames=np.array(model.classnames), logit_scale=scale)
    plain = (
        "for images of the plain CLIP"
        if not model.prompts.image
        else (
            "NOT for images of the plain CLIP: image prompts were learned as well, and .onnx or .pt2 has the image tower with them"
        )
    )
    return f"weights {weights.shape}, {plain}"


def _module(
    classifier: Classifier, classnames: Sequence[str] | None
) -> tuple[nn.Module, dict[str, str]]:
    model = classifier.model(classnames)
    _check_fixed(model)
    about = {"classnames": model.classnames, "input": dataclasses.asdict(classifier.preprocess)}
    return ImageClassifier(model).eval(), {key: json.dumps(value) for key, value in about.items()}


def _check_fixed(model: PromptedCLIP) -> None:
    if not model.classes_are_fixed:
        raise ValueError(
            "CoCoOp's classes follow the image, so that they make no matrix; write .safetensors, which predict.py takes"
        )


def _program(classifier: Classifier, module: nn.Module) -> torch.export.ExportedProgram:
    """Traced on two images, for any number of them."""
    batch = torch.export.Dim("batch", max=2**20)  # PyTorch 2.5 takes none without a bound
    with torch.no_grad():
        return torch.export.export(
            module, (_images(classifier, 2),), dynamic_shapes={"images": {0: batch}}
        )


def _images(classifier: Classifier, count: int) -> Tensor:
    """Random, the same each time."""
    size = classifier.preprocess.size
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(count))


@torch.no_grad()
def _compare(classifier: Classifier, module: nn.Module, other: Callable[[Tensor], Tensor]) -> float:
    """The largest difference of logits, relative to the largest logit, for one image and for three.

    Raises:
        ValueError: it is beyond TOLERANCE.
    """
    largest = 0.0
    for images in (_images(classifier, count) for count in (1, 3)):
        expected = module(images)
        difference = (other(images) - expected).abs().max() / expected.abs().max()
        largest = max(largest, float(difference))
    if not largest <= TOLERANCE:
        raise ValueError(
            f"what was exported differs by {largest:.0e} from PyTorch; nothing is written"
        )
    return largest
