"""How sure figures are: 95% intervals.

Bootstrap percentiles are drawn over groups (pictures): faces of one picture are not independent.
Groups in which the same was told of the same labels are alike, so a draw need not name them, only
how often each kind of group is in it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maskwatch.evaluation.metrics import ANSWERS, Labels, Metric, told_of
from maskwatch.types import CLASSES, Floats

_CELLS_AT_ONCE = 4_000_000


def interval(
    metric: Metric,
    truth: Labels,
    probabilities: Floats,
    groups: Labels,
    *,
    draws: int = 1000,
    seed: int = 42,
) -> tuple[float, float]:
    """The 95% bootstrap interval of a metric."""
    cells = truth * ANSWERS + told_of(probabilities)
    values = [
        metric(counts.reshape(-1, len(CLASSES), ANSWERS))
        for counts in _drawn(cells, len(CLASSES) * ANSWERS, groups, draws, seed)
    ]
    return _middle(np.concatenate(values))


def difference(
    metric: Metric,
    truth: Labels,
    first: Floats,
    second: Floats,
    groups: Labels,
    *,
    draws: int = 1000,
    seed: int = 42,
) -> tuple[float, float]:
    """The 95% interval of `metric(second) - metric(first)` on the same faces (paired bootstrap)."""
    cells = (truth * ANSWERS + told_of(first)) * ANSWERS + told_of(second)
    values = []
    for counts in _drawn(cells, len(CLASSES) * ANSWERS**2, groups, draws, seed):
        paired = counts.reshape(-1, len(CLASSES), ANSWERS, ANSWERS)
        values.append(metric(paired.sum(axis=-2)) - metric(paired.sum(axis=-1)))
    return _middle(np.concatenate(values))


def share_interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share of `count`; for shares of 0 and 1 that draws never leave."""
    z = 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def _drawn(
    cells: Labels, size: int, groups: Labels, draws: int, seed: int
) -> Iterator[NDArray[np.int64]]:
    """Blocks (k, size) of draws: how many faces of each cell are in whole groups, as many as there
    are, drawn with repetition.

    Args:
        cells: of each face, shape (n,), below `size`.
        size: how many cells there are.
        groups: of each face, shape (n,).
        draws: how many.
        seed: another seed draws others.
    """
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    table = np.bincount(group * size + cells, minlength=count * size).reshape(count, size)
    used = np.flatnonzero(table.any(axis=0))
    # Narrow rows are sorted several times as fast.
    narrow = table[:, used].astype(np.min_scalar_type(int(table.max())))
    kinds, times = np.unique(narrow, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS_AT_ONCE // len(kinds))
    for start in range(0, draws, block):
        chosen = rng.multinomial(count, times / count, min(block, draws - start))
        out = np.zeros((len(chosen), size), np.int64)
        out[:, used] = chosen @ kinds.astype(np.int64)
        yield out


def _middle(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
