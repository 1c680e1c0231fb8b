"""Classifiers side by side on the same faces: a table, a test, a verdict, a gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MissingExtra, UsageError
from maskwatch.evaluation.intervals import difference
from maskwatch.evaluation.metrics import Metric, accuracy, counted, f1_of, told_of
from maskwatch.evaluation.report import Evaluation
from maskwatch.evaluation.summary import main_row
from maskwatch.models.classifier import MaskClassifier
from maskwatch.types import CLASSES

_ROUNDS, _BATCH = 7, 8
_FEWEST_PICTURES = 6
"""In which two classifiers differ: all of five fall to one side by chance once in sixteen."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds for one face, and for each of eight together; medians."""

    one_ms: float
    each_of_batch_ms: float


@dataclass(frozen=True, slots=True)
class Gap:
    """`second` minus `first` in one figure, with the 95% interval of the paired difference."""

    figure: str
    first: float
    second: float
    low: float
    high: float

    @property
    def is_worse(self) -> bool:
        """Whether the second is worse beyond chance."""
        return self.high < 0

    @property
    def is_better(self) -> bool:
        """Whether the second is better beyond chance."""
        return self.low > 0


def latencies(classifiers: Sequence[MaskClassifier]) -> list[Latency]:
    """How long each takes, in turns, so that what else the machine does falls on all alike."""
    times: list[list[list[float]]] = [[[], []] for _ in classifiers]
    for turn in range(_ROUNDS + 1):
        for classifier, (one, batch) in zip(classifiers, times, strict=True):
            width = classifier.bundle.input.width
            crops = np.random.default_rng(turn).integers(0, 256, (_BATCH, width, width, 3))
            faces = list(crops.astype(np.uint8))
            for kept, count in ((one, 1), (batch, _BATCH)):
                start = perf_counter()
                classifier.of_crops(faces[:count])
                if turn:  # The first warms up.
                    kept.append(1000 * (perf_counter() - start) / count)
    return [Latency(median(one), median(batch)) for one, batch in times]


def gaps(first: Evaluation, second: Evaluation) -> list[Gap]:
    """Accuracy and the F1 of each labelled state, the second against the first.

    Raises:
        UsageError: they did not judge the same faces.
    """
    if first.faces is not second.faces:
        raise UsageError("only answers about the same faces can be compared")
    truth, groups = first.faces.truth, first.faces.pictures
    told = [told_of(one.probabilities) for one in (first, second)]
    differs = told[0] != told[1]
    metrics: dict[str, tuple[Metric, NDArray[np.bool_]]] = {"accuracy": (accuracy, differs)}
    for label, state in enumerate(CLASSES):
        if (truth == label).any():
            of_it = differs & np.any([truth == label, *(one == label for one in told)], axis=0)
            metrics[f"F1 {state.value}"] = f1_of(label), of_it
    out = []
    for name, (metric, changed) in metrics.items():
        values = [float(metric(counted(truth, one.probabilities))) for one in (first, second)]
        low, high = difference(metric, truth, first.probabilities, second.probabilities, groups)
        if len(np.unique(groups[changed])) < _FEWEST_PICTURES:
            # So few give draws that hardly differ, down to an interval of no width at all.
            low, high = min(low, 0.0), max(high, 0.0)
        out.append(Gap(name, values[0], values[1], low, high))
    return out


def mcnemar(first: Evaluation, second: Evaluation) -> dict[str, float]:
    """McNemar's exact test: how many faces each alone got right, and the chance of such a split.

    Raises:
        MissingExtra: SciPy is not installed.
    """
    try:
        from scipy.stats import binomtest
    except ImportError as error:
        raise MissingExtra("comparing needs an extra: pip install 'maskwatch[data]'") from error
    truth = first.faces.truth
    right = [told_of(one.probabilities) == truth for one in (first, second)]
    alone = [int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())]
    chance = float(binomtest(alone[0], sum(alone)).pvalue) if sum(alone) else 1.0
    return {"first_alone": alone[0], "second_alone": alone[1], "p": chance}


def ranked(done: Sequence[Evaluation]) -> list[Evaluation]:
    """The most accurate first."""
    return sorted(done, key=lambda one: -one.summary["accuracy"]["value"])


def table_of(done: Sequence[Evaluation], times: Sequence[Latency]) -> list[dict[str, Any]]:
    """A row a classifier: its figures, its file's size, its latency."""
    return [
        {
            "classifier": one.model["name"],
            **dict(main_row(one.summary)),
            **_of_training(done, one),
            "MB": round(one.model["file_bytes"] / 1e6, 2),
            "ms one face": round(time.one_ms, 2),
            "ms a face of 8": round(time.each_of_batch_ms, 2),
        }
        for one, time in zip(done, times, strict=True)
    ]


def _of_training(done: Sequence[Evaluation], one: Evaluation) -> dict[str, Any]:
    """What bundles say of their training, where one of those that are compared says it."""
    kept = {
        "training accuracy": "train_accuracy",
        "training s": "seconds",
        "parameters": "parameters",
    }
    return {
        name: one.training.get(key)
        for name, key in kept.items()
        if any(key in other.training for other in done)
    }


def verdict(done: Sequence[Evaluation]) -> str:
    """Which is best, and whether that is more than chance, in plain words.

    Raises:
        MissingExtra: SciPy is not installed.
    """
    if len(done) < 2:
        raise UsageError("name two classifiers or more to compare")
    best, next_best = ranked(done)[:2]
    names = best.model["name"], next_best.model["name"]
    test = mcnemar(best, next_best)
    counts = (
        f"of {len(best.faces):,} faces, {test['first_alone']} were told right by {names[0]} alone "
        f"and {test['second_alone']} by {names[1]} alone (McNemar's exact test over faces: p = "
        f"{test['p']:.2g})"
    )
    found = gaps(next_best, best)
    # Faces of one picture fail together: the interval over pictures decides, not the test.
    if not found[0].is_better:
        return (
            f"{names[0]} and {names[1]} cannot be told apart on this set: {counts}.{_behind(done)}"
        )
    better = [gap.figure for gap in found if gap.is_better]
    worse = [gap.figure for gap in found if gap.is_worse]
    words = f"{names[0]} is better than {names[1]}: {counts}."
    if better:
        words += f" Beyond chance it is better in {', '.join(better)}."
    if worse:
        words += f" It is worse in {', '.join(worse)}."
    return words + _behind(done)


def _behind(done: Sequence[Evaluation]) -> str:
    """Which of the third and later are less accurate than the best beyond chance, as a sentence."""
    best, _, *others = ranked(done)
    names = [str(one.model["name"]) for one in others if gaps(best, one)[0].is_worse]
    if not names:
        return ""
    return f" Less accurate than {best.model['name']} beyond chance: {', '.join(names)}."
