"""How right a classifier is, and how sure that is: figures with intervals.

Labels are indices of `CLASSES`; probabilities have shape (n, 3). Intervals are 95% bootstrap
percentiles, drawn over groups (pictures): faces of one picture are not independent.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwatch.types import CLASSES, Floats, MaskState

Labels = NDArray[np.int64]
Metric = Callable[[Labels, Floats], float]
_COMPLIANT = CLASSES.index(MaskState.MASK)


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


def accuracy(truth: Labels, probabilities: Floats) -> float:
    """The share of faces whose likeliest state is the labelled one."""
    return float((truth == probabilities.argmax(axis=1)).mean())


def f1_of(label: int) -> Metric:
    """The F1 of one class, as a metric; NaN where it is neither labelled nor told."""

    def f1(truth: Labels, probabilities: Floats) -> float:
        told = probabilities.argmax(axis=1)
        if not (truth == label).any() and not (told == label).any():
            return float("nan")
        return accuracy_of(truth, told).f1[label]

    return f1


def balanced_compliance(truth: Labels, probabilities: Floats) -> float:
    """Compliant against violation: the mean of the shares of both that are told right.

    NaN where only one of both is labelled.
    """
    is_compliant, told = truth == _COMPLIANT, probabilities.argmax(axis=1) == _COMPLIANT
    if is_compliant.all() or not is_compliant.any():
        return float("nan")
    right = [(told == is_compliant)[is_compliant == side].mean() for side in (True, False)]
    return float(np.mean(right))


def calibration_error(truth: Labels, probabilities: Floats, bins: int = 15) -> float:
    """Expected calibration error of the top label, in bins of equal mass (Nguyen, O'Connor 2015).

    The mean gap, weighted by bin, between how sure the answers are and how often they are right.
    """
    sure, right = _binned(truth, probabilities, bins)
    gaps = [abs(s.mean() - r.mean()) * len(s) for s, r in zip(sure, right, strict=True)]
    return float(np.sum(gaps) / len(truth))


def reliability(truth: Labels, probabilities: Floats, bins: int = 15) -> tuple[Floats, Floats]:
    """Mean confidence and share right in bins of equal mass, each (at most bins,)."""
    sure, right = _binned(truth, probabilities, bins)
    means = [[float(part.mean()) for part in parts] for parts in (sure, right)]
    return np.array(means[0], np.float32), np.array(means[1], np.float32)


def _binned(
    truth: Labels, probabilities: Floats, bins: int
) -> tuple[list[Floats], list[NDArray[np.bool_]]]:
    sure = probabilities.max(axis=1)
    right = truth == probabilities.argmax(axis=1)
    parts = np.array_split(np.argsort(sure, kind="stable"), bins)
    kept = [part for part in parts if len(part)]
    return [sure[part] for part in kept], [right[part] for part in kept]


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
    values = [metric(truth[rows], probabilities[rows]) for rows in _resampled(groups, draws, seed)]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def share_interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share of `count`; for shares of 0 and 1 that draws never leave."""
    z = 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


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
    values = [
        metric(truth[rows], second[rows]) - metric(truth[rows], first[rows])
        for rows in _resampled(groups, draws, seed)
    ]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def risk_coverage(truth: Labels, probabilities: Floats) -> tuple[Floats, Floats]:
    """What remains when the least sure answers are left out: coverage and share wrong, each (n,).

    Entry i is for the i + 1 surest faces.
    """
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = (truth != probabilities.argmax(axis=1))[order]
    kept = np.arange(1, len(truth) + 1)
    return (
        np.asarray(kept / len(truth), np.float32),
        np.asarray(np.cumsum(wrong) / kept, np.float32),
    )


def _resampled(groups: Labels, draws: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """Rows of each draw: whole groups, as many as there are, with repetition."""
    rng = np.random.default_rng(seed)
    _, index = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    count = len(members)
    for _ in range(draws):
        yield np.concatenate([members[g] for g in rng.integers(0, count, count)])
