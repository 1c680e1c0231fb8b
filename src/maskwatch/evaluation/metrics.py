"""How right a classifier is, and how sure it is of it.

Labels are indices of `CLASSES`; probabilities have shape (n, 3), a row of zeros where nothing was
told, such as of a face that was not found. Metrics are made of how often a label was told as what.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.types import CLASSES, Floats, MaskState

Labels = NDArray[np.int64]
Counts = NDArray[np.int64]
"""Shape (..., 3, 4): how often each label (row) was told as each state, or (last) as nothing."""
Metric = Callable[[Counts], NDArray[np.float64]]
"""From counts (..., 3, 4) to figures of shape (...), NaN where there is none."""
NOTHING = len(CLASSES)
ANSWERS = len(CLASSES) + 1
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


def told_of(probabilities: Floats) -> Labels:
    """The likeliest state of each face, or `NOTHING` where none has a probability; shape (n,)."""
    return np.where(probabilities.any(axis=1), probabilities.argmax(axis=1), NOTHING)


def counted(truth: Labels, probabilities: Floats) -> Counts:
    """How often each label was told as what, shape (3, 4)."""
    cells = np.bincount(truth * ANSWERS + told_of(probabilities), minlength=len(CLASSES) * ANSWERS)
    return cells.reshape(len(CLASSES), ANSWERS)


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """The share of faces whose likeliest state is the labelled one."""
    right = counts[..., range(len(CLASSES)), range(len(CLASSES))].sum(axis=-1)
    return _share(right, counts.sum(axis=(-2, -1)))


def f1_of(label: int) -> Metric:
    """The F1 of one class, as a metric; NaN where it is neither labelled nor told."""

    def f1(counts: Counts) -> NDArray[np.float64]:
        both = counts[..., label, :].sum(axis=-1) + counts[..., label].sum(axis=-1)
        return _share(2 * counts[..., label, label], both)

    return f1


def balanced_compliance(counts: Counts) -> NDArray[np.float64]:
    """Compliant against violation: the mean of the shares of both that are told right.

    NaN where only one of both is labelled.
    """
    violations = [label for label in range(len(CLASSES)) if label != _COMPLIANT]
    kept = counts[..., _COMPLIANT, :]
    broken = counts[..., violations, :].sum(axis=-2)
    shares = [
        _share(kept[..., _COMPLIANT], kept.sum(axis=-1)),
        _share(broken[..., violations].sum(axis=-1), broken.sum(axis=-1)),
    ]
    return np.asarray((shares[0] + shares[1]) / 2)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Parts of wholes; NaN of nothing."""
    out = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def calibration_error(truth: Labels, probabilities: Floats, bins: int = 15) -> float:
    """Expected calibration error of the top label, in bins of equal mass (Nguyen, O'Connor 2015).

    The mean gap, weighted by bin, between how sure the answers are and how often they are right;
    where nothing was told, there is nothing to be sure of.
    """
    sure, right = _binned(truth, probabilities, bins)
    gaps = [abs(s.mean() - r.mean()) * len(s) for s, r in zip(sure, right, strict=True)]
    return float(np.sum(gaps) / sum(map(len, sure)))


def reliability(truth: Labels, probabilities: Floats, bins: int = 15) -> tuple[Floats, Floats]:
    """Mean confidence and share right in bins of equal mass, each (at most bins,)."""
    sure, right = _binned(truth, probabilities, bins)
    means = [[float(part.mean()) for part in parts] for parts in (sure, right)]
    return np.array(means[0], np.float32), np.array(means[1], np.float32)


def _binned(
    truth: Labels, probabilities: Floats, bins: int
) -> tuple[list[Floats], list[NDArray[np.bool_]]]:
    answered = probabilities.any(axis=1)
    sure = probabilities.max(axis=1)[answered]
    right = (truth == probabilities.argmax(axis=1))[answered]
    parts = np.array_split(np.argsort(sure, kind="stable"), bins)
    kept = [part for part in parts if len(part)]
    return [sure[part] for part in kept], [right[part] for part in kept]


def risk_coverage(truth: Labels, probabilities: Floats) -> tuple[Floats, Floats]:
    """What remains when the least sure answers are left out: coverage and share wrong, each (n,).

    Entry i is for the i + 1 surest faces.
    """
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = (truth != told_of(probabilities))[order]
    kept = np.arange(1, len(truth) + 1)
    return (
        np.asarray(kept / len(truth), np.float32),
        np.asarray(np.cumsum(wrong) / kept, np.float32),
    )
