"""Every figure of one classifier on one set, as plain values."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MissingExtra
from maskwatch.evaluation.faces import LabelledFaces
from maskwatch.evaluation.intervals import interval, share_interval
from maskwatch.evaluation.metrics import (
    NOTHING,
    Metric,
    accuracy,
    balanced_compliance,
    calibration_error,
    counted,
    f1_of,
    risk_coverage,
    told_of,
)
from maskwatch.types import CLASSES, Floats, MaskState

SIZES_PX = (0, 24, 48, 96, 10_000)
_DARK, _BRIGHT = 70, 180
_COVERAGES = (1.0, 0.98, 0.95, 0.9, 0.8)
_FEWEST = 5
_COMPLIANT = CLASSES.index(MaskState.MASK)


def summary_of(faces: LabelledFaces, probabilities: Floats, *, beta: float = 2.0) -> dict[str, Any]:
    """The figures, with 95% intervals over pictures where they are the main ones.

    Args:
        faces: n faces.
        probabilities: of each, shape (n, 3).
        beta: of the F-beta: 2 weighs recall twice as much as precision.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    counts = counted(faces.truth, probabilities)
    missed = int(counts[:, NOTHING].sum())
    main = {"accuracy": _with_interval(accuracy, faces, probabilities)}
    compliant = faces.truth == _COMPLIANT
    if compliant.any() and not compliant.all():
        fewer = compliant if compliant.mean() < 0.5 else ~compliant
        main["balanced_compliance"] = _with_interval(
            balanced_compliance, faces, probabilities, about=fewer
        )
    coverage, wrong = risk_coverage(faces.truth, probabilities)
    places = [max(0, math.ceil(share * len(faces)) - 1) for share in _COVERAGES]
    return {
        "faces": len(faces),
        "pictures": len(np.unique(faces.pictures)),
        "without_face": missed,
        "unreadable": list(faces.errors),
        **main,
        "calibration_error": calibration_error(faces.truth, probabilities),
        **_by_class(faces, probabilities, beta),
        "confusion": (counts if missed else counts[:, :NOTHING]).tolist(),
        "coverage": [
            {"answered": float(coverage[place]), "wrong": float(wrong[place])} for place in places
        ],
        "slices": slices_of(faces, probabilities),
    }


def _with_interval(
    metric: Metric,
    faces: LabelledFaces,
    table: Floats,
    rows: NDArray[np.bool_] | None = None,
    about: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """A metric of all faces, or of some `rows`, with its 95% interval over pictures.

    `about` are the faces that it is about, such as those of a state, where not all of them.
    """
    rows = np.ones(len(faces), bool) if rows is None else rows
    truth, table, pictures = faces.truth[rows], table[rows], faces.pictures[rows]
    value = float(metric(counted(truth, table)))
    low, high = interval(metric, truth, table, pictures)
    if low == high:  # Nothing was wrong, or nothing right: draws do not show how few there are.
        asked = pictures if about is None else pictures[about[rows]]
        low, high = share_interval(value, max(1, len(np.unique(asked))))
    return {"value": value, "low": low, "high": high}


def _by_class(faces: LabelledFaces, table: Floats, beta: float) -> dict[str, Any]:
    """Precision, recall, F1, F-beta, support, areas under curves; macro and weighted means.

    States that are neither labelled nor told are left out, as scikit-learn does.
    """
    try:
        from sklearn.metrics import precision_recall_fscore_support as by_class
    except ImportError as error:
        raise MissingExtra("figures need an extra: pip install 'maskwatch[data]'") from error
    told = told_of(table)
    labels = sorted({*faces.truth.tolist(), *told.tolist()} - {NOTHING})
    told_by = {"labels": labels, "zero_division": 0.0}
    one = by_class(faces.truth, told, **told_by)
    more = by_class(faces.truth, told, beta=beta, **told_by)
    classes = {}
    for row, label in enumerate(labels):
        f1 = _with_interval(f1_of(label), faces, table, about=faces.truth == label)
        classes[CLASSES[label].value] = {
            "precision": float(one[0][row]),
            "recall": float(one[1][row]),
            "f1": float(one[2][row]),
            "f1_low": f1["low"],
            "f1_high": f1["high"],
            "f_beta": float(more[2][row]),
            "support": int(one[3][row]),
            **_areas(faces.truth == label, table[:, label]),
        }
    means = {}
    for kind in ("macro", "weighted"):
        mean = by_class(faces.truth, told, average=kind, **told_by)
        other = by_class(faces.truth, told, average=kind, beta=beta, **told_by)
        means[kind] = {
            "precision": float(mean[0]),
            "recall": float(mean[1]),
            "f1": float(mean[2]),
            "f_beta": float(other[2]),
            "support": len(faces),
        }
    return {"beta": beta, "classes": classes, "averages": means}


def _areas(is_class: NDArray[np.bool_], score: Floats) -> dict[str, float | None]:
    """Areas under the ROC and the precision-recall curve; None where there is one side only."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    if len(set(is_class.tolist())) < 2:
        return {"roc_auc": None, "average_precision": None}
    return {
        "roc_auc": float(roc_auc_score(is_class, score)),
        "average_precision": float(average_precision_score(is_class, score)),
    }


def slices_of(faces: LabelledFaces, probabilities: Floats) -> list[dict[str, Any]]:
    """Accuracy by part, size, brightness, sharpness and cut; slices of fewer than 5 left out."""
    out = []
    for kind, value, rows in _slices(faces, told_of(probabilities) != NOTHING):
        if int(rows.sum()) < _FEWEST:
            continue
        found = _with_interval(accuracy, faces, probabilities, rows)
        named = {"slice": kind, "value": value, "faces": int(rows.sum())}
        accuracy_ = found.pop("value")
        out.append({**named, "accuracy": accuracy_, **found})
    return out


def _slices(
    faces: LabelledFaces, found: NDArray[np.bool_]
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Kinds of faces; how large or bright those are that were not found is not known."""
    parts = np.array(faces.parts)
    if len(set(faces.parts)) > 1:
        for part in dict.fromkeys(faces.parts):
            yield "part", part, parts == part
    for low, high in pairwise(SIZES_PX):
        name = f"{low} px and more" if high == SIZES_PX[-1] else f"{low} to {high} px"
        yield "size", name, found & (faces.sides >= low) & (faces.sides < high)
    light = faces.brightness
    yield "light", "dark", found & (light < _DARK)
    yield "light", "middle", found & (light >= _DARK) & (light < _BRIGHT)
    yield "light", "bright", found & (light >= _BRIGHT)
    quarter = float(np.quantile(faces.sharpness[found], 0.25))
    yield "sharpness", "blurriest quarter", found & (faces.sharpness <= quarter)
    yield "sharpness", "the rest", found & (faces.sharpness > quarter)
    if faces.at_edge.any():
        yield "frame", "cut by its edge", faces.at_edge
        yield "frame", "whole", ~faces.at_edge


def in_words(summary: dict[str, Any]) -> str:
    """The main figure and the weakest state, and what else weighs on them, in some sentences."""
    accuracy_ = summary["accuracy"]
    words = (
        f"{accuracy_['value']:.1%} of {summary['faces']:,} faces are told right "
        f"(95% interval {accuracy_['low']:.1%} to {accuracy_['high']:.1%})."
    )
    classes: dict[str, dict[str, float]] = summary["classes"]
    labelled = {name: row for name, row in classes.items() if row["support"]}
    worst = min(labelled, key=lambda name: labelled[name]["recall"])
    row = labelled[worst]
    words += (
        f" Of the {row['support']} faces labelled {worst}, {row['recall']:.1%} are "
        f"told so; where it says {worst}, {row['precision']:.1%} are."
    )
    if summary["without_face"]:
        words += f" In {summary['without_face']:,} pictures no face was found: they count as wrong."
    return words


def lowered(summary: dict[str, Any]) -> str | None:
    """Why the macro mean is lower than it seems: states that are told but never labelled."""
    classes: dict[str, dict[str, float]] = summary["classes"]
    extra = [name for name, row in classes.items() if not row["support"]]
    if not extra:
        return None
    labelled = [row["f1"] for row in classes.values() if row["support"]]
    return (
        f"No face is labelled {' or '.join(extra)}, but some are told so: that counts with 0 in "
        f"the macro mean, as in scikit-learn. Over the labelled states alone the mean F1 is "
        f"{sum(labelled) / len(labelled):.3f}."
    )


def main_row(summary: dict[str, Any]) -> Sequence[tuple[str, float]]:
    """The figures by which classifiers are compared."""
    rows = [("accuracy", summary["accuracy"]["value"])]
    if "balanced_compliance" in summary:
        rows.append(("balanced compliance", summary["balanced_compliance"]["value"]))
    labelled = [(n, row) for n, row in summary["classes"].items() if row["support"]]
    rows += [(f"F1 {name}", row["f1"]) for name, row in labelled]
    return [*rows, ("calibration error", summary["calibration_error"])]
