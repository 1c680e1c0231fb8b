"""How right a classifier is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwatch.types import CLASSES

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy in 0..1, F1 and support of each class in the order of `CLASSES`."""

    accuracy: float
    f1: tuple[float, ...]
    support: tuple[int, ...]


def accuracy_of(truth: Labels, told: Labels) -> Accuracy:
    """Compare labels (n,) with what was told (n,), both indices of `CLASSES`."""
    f1, support = [], []
    for label in range(len(CLASSES)):
        hits = int(((truth == label) & (told == label)).sum())
        both = int((truth == label).sum()) + int((told == label).sum())
        f1.append(2 * hits / both if both else 0.0)
        support.append(int((truth == label).sum()))
    accuracy = float((truth == told).mean()) if len(truth) else 0.0
    return Accuracy(accuracy, tuple(f1), tuple(support))


def interval(
    truth: Labels, told: Labels, groups: Labels, *, draws: int = 1000, seed: int = 42
) -> tuple[float, float]:
    """The 95% bootstrap interval of the accuracy, drawn over groups (pictures), shape (n,)."""
    rng = np.random.default_rng(seed)
    names, index = np.unique(groups, return_inverse=True)
    right = np.bincount(index, truth == told, minlength=len(names))
    size = np.bincount(index, minlength=len(names))
    chosen = rng.integers(0, len(names), (draws, len(names)))
    values = right[chosen].sum(axis=1) / size[chosen].sum(axis=1)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
