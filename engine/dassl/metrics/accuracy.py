from collections.abc import Sequence

from torch import Tensor


def compute_accuracy(
    output: Tensor | Sequence[Tensor], target: Tensor, topk: Sequence[int] = (1,)
) -> list[Tensor]:
    """For each k, the percentage of labels among the k best scores, as a tensor (1,).

    `output` has shape (B, C), `target` (B,).
    """
    scores = output if isinstance(output, Tensor) else output[0]
    best = scores.topk(max(topk), dim=1).indices  # (B, K)
    hits = best == target.view(-1, 1)
    return [hits[:, :k].float().sum().view(1) * (100 / len(target)) for k in topk]
