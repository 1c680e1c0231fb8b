"""Charts of a classifier's answers, each a PNG."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maskwatch.data.charts import write
from maskwatch.draw import COLOURS, WORDS
from maskwatch.evaluation.metrics import NOTHING, reliability, risk_coverage
from maskwatch.types import CLASSES, Floats, MaskState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from maskwatch.evaluation.faces import LabelledFaces

_HEX = {s: "#" + "".join(f"{value:02x}" for value in COLOURS[s]) for s in CLASSES}


def draw_all(
    faces: "LabelledFaces", probabilities: Floats, summary: dict[str, Any], folder: Path
) -> dict[str, str]:
    """Write the charts into a folder; their file names and what each shows.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: a file cannot be written.
    """
    truth = faces.truth
    # Of a set of two states nobody wants to see an empty third.
    states = [state for state in CLASSES if state.value in summary["classes"]]
    charts: dict[str, tuple[str, Callable[[Figure], None]]] = {
        "confusion": (
            "How often each label (row) was told as each state (column)",
            lambda figure: _confusion(figure, np.array(summary["confusion"]), states),
        ),
        "counts": ("Faces of each state", lambda figure: _counts(figure, truth, states)),
        "curves": (
            "ROC and precision against recall, each state against the others",
            lambda figure: _curves(figure, truth, probabilities),
        ),
        "reliability": (
            "How sure the answers are, and how often they are right",
            lambda figure: _reliability(figure, truth, probabilities),
        ),
        "coverage": (
            "What remains wrong when the least sure answers are left out",
            lambda figure: _coverage(figure, truth, probabilities),
        ),
        "slices": (
            "Accuracy by kind of face, with 95% intervals",
            lambda figure: _slices(figure, summary["slices"]),
        ),
    }
    return {
        write(folder / f"{name}.png", draw).name: words for name, (words, draw) in charts.items()
    }


def _confusion(figure: "Figure", counts: np.ndarray[Any, Any], states: Sequence[MaskState]) -> None:
    rows = [WORDS[state] for state in states]
    missed = counts.shape[1] - len(CLASSES)
    columns = [*rows, *["No face found"] * missed]
    shown = [CLASSES.index(state) for state in states]
    counts = counts[np.ix_(shown, [*shown, *[NOTHING] * missed])]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure.set_size_inches(8 + 3 * missed, 3.6)
    for axes, table, form, title in zip(
        figure.subplots(1, 2), (counts, shares), ("{:,}", "{:.1%}"), ("faces", "share of row"),
        strict=True,
    ):  # fmt: skip
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.set(xlabel="told", ylabel="labelled", title=title)
        for (row, column), value in np.ndenumerate(table):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, form.format(value), ha="center", va="center", color=colour)


def _counts(figure: "Figure", truth: np.ndarray[Any, Any], states: Sequence[MaskState]) -> None:
    figure.set_size_inches(6, 0.7 + 0.5 * len(states))
    axes = figure.subplots()
    counts = [int((truth == CLASSES.index(state)).sum()) for state in states]
    bars = axes.barh(
        [WORDS[state] for state in states], counts, color=[_HEX[state] for state in states]
    )
    axes.bar_label(bars, [f"{count:,}" for count in counts], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    _open(axes, "faces", "")


def _curves(figure: "Figure", truth: np.ndarray[Any, Any], table: Floats) -> None:
    from sklearn.metrics import precision_recall_curve, roc_curve

    figure.set_size_inches(8, 3.6)
    left, right = figure.subplots(1, 2)
    for label, state in enumerate(CLASSES):
        is_class = truth == label
        if is_class.all() or not is_class.any():
            continue
        false_rate, true_rate, _ = roc_curve(is_class, table[:, label])
        left.plot(false_rate, true_rate, color=_HEX[state], label=WORDS[state])
        precision, recall, _ = precision_recall_curve(is_class, table[:, label])
        right.plot(recall, precision, color=_HEX[state], label=WORDS[state])
    if left.lines:
        left.legend(frameon=False, loc="lower right")
    _open(left, "false positive rate", "true positive rate")
    _open(right, "recall", "precision")


def _reliability(figure: "Figure", truth: np.ndarray[Any, Any], table: Floats) -> None:
    axes = figure.subplots()
    # Points of fewer than twenty faces would show chance.
    sure, right = reliability(truth, table, max(2, min(15, len(truth) // 20)))
    low = min(float(sure.min()), float(right.min()), 0.9)
    axes.plot([low, 1], [low, 1], color="0.7", linestyle="--")
    axes.plot(sure, right, marker="o", color="#333333")
    _open(axes, "how sure (mean probability of the answer)", "share right")


def _coverage(figure: "Figure", truth: np.ndarray[Any, Any], table: Floats) -> None:
    axes = figure.subplots()
    axes.plot(*risk_coverage(truth, table), color="#333333")
    axes.set_xlim(0, 1)
    _open(axes, "share of faces answered", "share of the answers that are wrong")


def _slices(figure: "Figure", slices: list[dict[str, Any]]) -> None:
    figure.set_size_inches(7, 0.9 + 0.32 * len(slices))
    axes = figure.subplots()
    values = np.array([row["accuracy"] for row in slices])
    low = values - [row["low"] for row in slices]
    high = np.array([row["high"] for row in slices]) - values
    names = [f"{row['slice']}: {row['value']} ({row['faces']:,})" for row in slices]
    axes.errorbar(
        values, range(len(slices)), xerr=np.maximum([low, high], 0), fmt="o", color="#333333",
        capsize=3,
    )  # fmt: skip
    axes.set_yticks(range(len(slices)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", color="0.9")
    _open(axes, "accuracy", "")


def _open(axes: "Axes", x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
