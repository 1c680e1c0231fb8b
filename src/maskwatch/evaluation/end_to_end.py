"""Detector and classifier together, measured on labelled boxes: what is found, what is right."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maskwatch import __version__
from maskwatch.app.detector import MaskDetector, detector_options
from maskwatch.app.settings import Settings, check_classifier
from maskwatch.boxes import iou, short_side
from maskwatch.data.charts import write
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.errors import MaskwatchError, SourceError, UsageError
from maskwatch.evaluation import html
from maskwatch.evaluation.detections import (
    Matches,
    average_precision,
    match,
    precision_interval,
    recall,
)
from maskwatch.evaluation.folder import write_pages
from maskwatch.evaluation.ranking import Ask, asked_once, found_twice
from maskwatch.images import decode
from maskwatch.models.detectors import default_name
from maskwatch.types import CLASSES, Boxes, Faces, Floats, Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST_PX = 12.0
LOWEST_SCORE = 0.02
_LOOSE, _MANY_LOOSE = 0.25, 0.1
SIZES_PX = ((12, 16), (16, 24), (24, 48), (48, 96), (96, 100_000))
Bar = Callable[[Sequence[LabelledPicture]], Iterable[LabelledPicture]]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One picture: its labels, all faces down to the lowest score, and those a user would get."""

    picture: LabelledPicture
    every: Faces
    shown: Faces

    @property
    def small(self) -> NDArray[np.bool_]:
        """Labelled faces that are too small to count, (n,)."""
        return short_side(_boxes(self)) < SMALLEST_PX


def measure(labelled: LabelledSet, settings: Settings, *, bar: Bar = iter) -> dict[str, Any]:
    """Every figure of detector and classifier together, as plain values.

    Average precision ranks all boxes down to a score of 0.02; the rest is about those that
    `maskwatch detect` shows with these settings, each with its likeliest state. Labelled faces
    with a shorter side under 12 pixels neither count nor make a box wrong, nor do those that the
    set leaves out (crowds of COCO, classes that are skipped).

    Args:
        labelled: a set with boxes.
        settings: detector, classifier and their options.
        bar: wraps the pictures as they are read.

    Raises:
        UsageError: the set has no boxes, or a classifier was chosen that would not be asked.
        SourceError: no picture can be read.
    """
    check_classifier(settings)
    pictures = [picture for picture in labelled.pictures if picture.boxes is not None]
    if not pictures:
        raise UsageError(f"{labelled.root} has no boxes to find: leave --boxes out")
    name = settings.detector or default_name(detector_options(settings))
    settings = settings.but(detector=name)
    judge = MaskDetector(settings)
    ask = asked_once(name, detector_options(settings), LOWEST_SCORE)
    seen, errors = [], []
    for picture in bar(pictures):
        try:
            image = decode(picture.path, settings.max_pixels)
        except MaskwatchError as error:
            errors.append(str(error))
        else:
            shown, every = _judged(judge, ask, image)
            seen.append(_Seen(picture, every, shown))
    if all(one.small.all() for one in seen):
        raise SourceError(
            f"{labelled.root} has no readable face of {SMALLEST_PX:.0f} pixels or more"
        )
    return {
        "schema": 1,
        "maskwatch": __version__,
        "data": str(labelled.root),
        "detector": name,
        "classifier": settings.classifier,
        "pictures": len(seen),
        "unreadable": errors,
        **_face_figures(seen),
        "states": {state.value: _state_figures(seen, i) for i, state in enumerate(CLASSES)},
    }


def _judged(judge: MaskDetector, ask: Ask, image: Image) -> tuple[Faces, Faces]:
    """The faces of a picture at both limits with their states; networks see each box once."""
    settings = judge.settings
    both = found_twice(ask, image, min_face=settings.min_face, tiles=settings.tiles)
    if settings.mode == "fast":
        return both
    boxes, rows = np.unique(
        np.concatenate([faces.boxes for faces in both]), axis=0, return_inverse=True
    )
    table = judge.classify(image, boxes).probabilities[rows.ravel()]
    shown, every = np.split(table, [len(both[0])])
    return replace(both[0], probabilities=shown), replace(both[1], probabilities=every)


def _face_figures(seen: Sequence[_Seen]) -> dict[str, Any]:
    every = [_match(one, one.every) for one in seen]
    shown = [_match(one, one.shown) for one in seen]
    low, high = precision_interval(every)
    found = np.concatenate([one.found for one in shown])
    sides = np.concatenate([short_side(_boxes(one)) for one in seen])
    right = np.concatenate([_right(one, m) for one, m in zip(seen, shown, strict=True)])
    counts = np.isfinite(found)
    hit = counts & (found > 0)
    return {
        "faces": int(counts.sum()),
        "average_precision": {"value": average_precision(every), "low": low, "high": high},
        "found": recall(shown),
        "found_loosely": float((counts & ~hit & _overlapped(seen)).sum() / counts.sum()),
        "right_of_found": float(right[hit].mean()) if hit.any() else 0.0,
        "right_of_all": float(right[counts].mean()),
        "false_boxes_a_picture": sum(int((~one.right).sum()) for one in shown) / len(seen),
        "recall_by_size": [
            {
                "pixels": f"{least} to {most}" if most < SIZES_PX[-1][1] else f"{least} and more",
                "faces": int((rows := counts & (sides >= least) & (sides < most)).sum()),
                "recall": float(hit[rows].mean()) if rows.any() else None,
            }
            for least, most in SIZES_PX
        ],
    }


def _overlapped(seen: Sequence[_Seen]) -> NDArray[np.bool_]:
    """Whether a shown box overlaps each labelled face at least by a quarter, (n,)."""
    parts = [iou(_boxes(one), one.shown.boxes).max(axis=1, initial=0) >= _LOOSE for one in seen]
    return np.concatenate(parts)


def _state_figures(seen: Sequence[_Seen], state: int) -> dict[str, float | None]:
    """The average precision of a state: boxes ranked by score times its probability."""
    parts = []
    for one in seen:
        rows = np.array([told == CLASSES[state] for told in one.picture.states], bool)
        weighted = one.every.scores * one.every.probabilities[:, state]
        parts.append(_matched(one, one.every.boxes, weighted, rows))
    if not sum(part.faces for part in parts):
        return {"average_precision": None, "low": None, "high": None}
    low, high = precision_interval(parts)
    return {"average_precision": average_precision(parts), "low": low, "high": high}


def _match(one: _Seen, faces: Faces) -> Matches:
    return _matched(one, faces.boxes, faces.scores, np.ones(len(_boxes(one)), bool))


def _matched(one: _Seen, boxes: Boxes, scores: Floats, rows: NDArray[np.bool_]) -> Matches:
    """Boxes matched with some of a picture's labelled faces; what is left out of the set counts as
    neither."""
    truth = np.concatenate([_boxes(one)[rows], one.picture.ignored])
    ignored = np.concatenate([one.small[rows], np.ones(len(one.picture.ignored), bool)])
    found, count = match(boxes, scores, truth, ignored), int(rows.sum())
    return replace(found, found=found.found[:count], box=found.box[:count])


def _boxes(one: _Seen) -> NDArray[np.float32]:
    return np.zeros((0, 4), np.float32) if one.picture.boxes is None else one.picture.boxes


def _right(one: _Seen, found: Matches) -> NDArray[np.bool_]:
    """Whether each labelled face was found and its state told right, (n,)."""
    return np.array(
        [
            box >= 0 and CLASSES[int(one.shown.probabilities[box].argmax())] == label
            for box, label in zip(found.box, one.picture.states, strict=True)
        ],
        bool,
    )


def in_words(figures: dict[str, Any]) -> str:
    """The main figures in two sentences, and a third where labels seem to be drawn another way."""
    precision = figures["average_precision"]
    low, high = precision["low"], precision["high"]
    words = (
        f"Of {figures['faces']:,} labelled faces {figures['found']:.1%} are found, and "
        f"{figures['right_of_all']:.1%} are found and told right; a picture has "
        f"{figures['false_boxes_a_picture']:.2f} boxes that are no labelled face. Average "
        f"precision at IoU 0.5: {precision['value']:.3f} ({low:.3f} to {high:.3f})."
    )
    if figures["found_loosely"] >= _MANY_LOOSE:
        words += (
            f" Another {figures['found_loosely']:.1%} have a box that overlaps by less than half: "
            "the labels may be drawn wider or tighter than the detector's boxes."
        )
    return words


def write_end_to_end(figures: dict[str, Any], folder: Path, *, public: bool = False) -> None:
    """Write index.html, metrics.json and a chart into an empty folder; no photographs.

    A public report has no file names either.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: a file cannot be written.
    """
    if public:
        shown = {"data": Path(figures["data"]).name, "unreadable": len(figures["unreadable"])}
        figures = figures | shown
    chart = write(folder / "recall.png", lambda figure: _recalls(figure, figures["recall_by_size"]))
    sizes = [(row["pixels"], row["faces"], row["recall"]) for row in figures["recall_by_size"]]
    states = [
        (name, row["average_precision"], row["low"], row["high"])
        for name, row in figures["states"].items()
    ]
    parts = [
        html.paragraph(in_words(figures), "verdict"),
        html.heading("Found, by the shorter side of the face"),
        html.table(("pixels", "faces", "recall"), sizes),
        html.picture(chart, "Share of labelled faces that are found"),
        html.heading("States: average precision at IoU 0.5, with 95% intervals"),
        html.table(("state", "AP", "from", "to"), states),
        html.paragraph(
            f"Detector {figures['detector']}, classifier {figures['classifier']}, "
            f"{figures['pictures']:,} pictures; of the found, {figures['right_of_found']:.1%} are "
            "told right. Faces under 12 pixels do not count."
        ),
    ]
    title = f"End to end on {Path(figures['data']).name}"
    write_pages(folder, title, parts, figures, {"command": "evaluate", "boxes": figures["data"]})


def _recalls(figure: "Figure", rows: Sequence[dict[str, Any]]) -> None:
    axes = figure.subplots()
    known = [row for row in rows if row["recall"] is not None]
    names = [f"{row['pixels']}\n({row['faces']:,})" for row in known]
    bars = axes.bar(names, [row["recall"] for row in known], color="#0068c9")
    axes.bar_label(bars, [f"{row['recall']:.2f}" for row in known])
    axes.set(ylim=(0, 1.08), ylabel="share found", xlabel="shorter side in pixels (faces)")
    axes.spines[["top", "right"]].set_visible(False)
