"""The arithmetic that no exact method can avoid, and how fast this machine does arithmetic.

Counted are the matrix products of one training step, 2 FLOPs per multiply-add. In a block of
width W a token costs 24 W² FLOPs (keys and values 4, query 2, out projection 2, MLP 16), and 4 W
for every key that it attends to. In the backward pass a frozen product needs only the gradient of
its input, which costs as much again; attention costs twice its forward pass.
"""

from collections.abc import Sequence

import torch

from benchmarks.measure import seconds
from benchmarks.workload import Shape
from promptsrc.clip.linear import linear

KEYS_VALUES, QUERY, REST = 4, 2, 18  # of the 24; REST: out projection and MLP


def matmul_rate(
    device: torch.device, dtype: torch.dtype = torch.float32, size: int = 2048
) -> float:
    """FLOPs per second, the best of 10 products of square matrices as the towers have them."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return max(2 * size**3 / seconds(lambda: linear(a, b, b[0]), device) for _ in range(10))


def step_flops(shape: Shape, lengths: Sequence[int], images: int) -> int:
    """One step: classes whose texts have `lengths` positions, EOT included, and some images."""
    return text_flops(shape, lengths) + images * image_flops(shape)


def text_flops(shape: Shape, lengths: Sequence[int], gradient: bool = True) -> int:
    """The text tower: SOS and context once for all classes, then each class's tokens up to EOT.

    In the last block only EOT needs a query. The input of block 0 is constant after the context, so
    its queries, keys and values can be cached between steps.
    """
    shared = 1 + shape.vectors
    own = [length - shared for length in lengths]
    tokens = shared + sum(own)
    pairs = sum(range(1, shared + 1)) + sum(
        sum(range(shared + 1, length + 1)) for length in lengths
    )
    products, attention = _tower(
        shape.text_width, shape.layers, tokens, pairs, len(own), sum(lengths)
    )
    products -= (KEYS_VALUES + QUERY) * shape.text_width**2 * sum(own)
    return 2 * products + 3 * attention if gradient else products + attention


def image_flops(shape: Shape) -> int:
    """One image: forward and backward in the student, forward in the teacher.

    In the last block only CLS needs a query. Patches and CLS are the same in both towers up to the
    queries, keys and values of block 0, and constant in the student. Prompts that the next layer's
    vectors replace need only keys and values.
    """
    patches = (shape.resolution // shape.patch) ** 2
    own = patches + 1
    student, student_attention = _image_tower(shape, own + shape.vectors)
    teacher, teacher_attention = _image_tower(shape, own)
    square, replaced = shape.image_width**2, shape.vectors * (shape.depth - 1)
    student -= (QUERY + REST) * square * replaced
    student_attention -= 4 * shape.image_width * (own + shape.vectors) * replaced
    first = 2 * 3 * shape.patch**2 * shape.image_width * patches  # patches to tokens
    # once in the teacher's forward pass, once in the student's backward pass
    twice_saved = 2 * (KEYS_VALUES + QUERY) * square * own
    return first + 2 * student + 3 * student_attention + teacher + teacher_attention - twice_saved


def plain_flops(shape: Shape, classes: int, images: int) -> int:
    """One step of the plain implementation: all 77 positions of every class, whole blocks."""
    tokens = 77 * classes
    text = shape.layers * (
        2 * 24 * shape.text_width**2 * tokens + 3 * 4 * shape.text_width * 77 * tokens
    )
    patches = (shape.resolution // shape.patch) ** 2
    student, teacher = patches + 1 + shape.vectors, patches + 1
    image = 2 * 2 * 3 * shape.patch**2 * shape.image_width * patches
    image += shape.layers * 24 * shape.image_width**2 * (2 * student + teacher)
    image += shape.layers * 4 * shape.image_width * (3 * student**2 + teacher**2)
    return text + images * image


def _image_tower(shape: Shape, tokens: int) -> tuple[int, int]:
    return _tower(shape.image_width, shape.layers, tokens, tokens**2, 1, tokens)


def _tower(
    width: int, layers: int, tokens: int, pairs: int, read: int, read_pairs: int
) -> tuple[int, int]:
    """FLOPs of a forward pass in products with weights, and in attention.

    Args:
        pairs: of a token and a key that it attends to.
        read: tokens that are read after the last block, with `read_pairs` there.
    """
    full = (KEYS_VALUES + QUERY + REST) * tokens * (layers - 1)
    last = KEYS_VALUES * tokens + (QUERY + REST) * read
    return width**2 * (full + last), 4 * width * (pairs * (layers - 1) + read_pairs)
