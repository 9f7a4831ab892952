from collections.abc import Sequence

from torch import Tensor


def compute_accuracy(
    output: Tensor | Sequence[Tensor], target: Tensor, topk: Sequence[int] = (1,)
) -> list[Tensor]:
    """Percent of samples whose label is among the k best scores, a tensor (1,) for each k; output (B, C), target (B,)."""
    output = output[0] if isinstance(output, list | tuple) else output
    best = output.topk(max(topk), dim=1).indices  # (B, K)
    hits = best == target.view(-1, 1)
    return [hits[:, :k].float().sum().view(1) * (100 / len(target)) for k in topk]
