"""From a trained detector to a bundle: exported, with fitted thresholds, described."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maskwatch import __version__
from maskwatch.boxes import iou
from maskwatch.errors import UsageError
from maskwatch.images import decode
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle, InputSpec, UnknownRule
from maskwatch.models.classifier import softmax
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.training.detector.export import export_end_to_end, export_maps
from maskwatch.training.detector.fit import Recipe
from maskwatch.training.detector.labels import SceneLabels
from maskwatch.training.export import fit_temperature, fit_threshold
from maskwatch.training.sets import SOURCES
from maskwatch.types import CLASSES, Floats

END_TO_END = "end-to-end.onnx"
_LONG_SIDE = 640
_OVERLAP = 0.5
_SAME_FACE_IOU = 0.5
_LOWEST_SCORE = 0.05
_SMALLEST_FACE = 12.0
_MOST_WRONG = 0.015


def bundle_of(
    network: nn.Module,
    recipes: Sequence[Recipe],
    data: Path,
    labels: Sequence[SceneLabels],
    folder: Path,
    name: str,
) -> Bundle:
    """Export a trained network into `folder`, fit its thresholds, and write its bundle.

    Args:
        network: in evaluation mode.
        recipes: of its trainings.
        data: folder to which the labels' paths are relative.
        labels: of all pictures; the held-out ones whose every face is labelled choose thresholds.
        folder: gets `model.onnx`, `end-to-end.onnx` and `bundle.json`.
        name: of the bundle.

    Raises:
        UsageError: no held-out picture has a labelled face.
    """
    held_out = [one for one in labels if one.held_out and one.every_face]
    if not any(one.faces() for one in held_out):
        raise UsageError("no held-out picture has a labelled face: thresholds cannot be fitted")
    export_maps(network, folder / "model.onnx")
    learnt = [one for one in labels if not one.held_out]
    bundle = Bundle(
        folder=folder,
        name=name,
        version=__version__,
        kind="both",
        input=InputSpec(
            _LONG_SIDE, _LONG_SIDE, mean=(0, 0, 0), std=(1, 1, 1), crop="none", margin=0
        ),
        labels=tuple(state.value for state in CLASSES),
        sha256={END_TO_END: ""},
        data={
            "pictures": {s: sum(one.source == i for one in learnt) for i, s in enumerate(SOURCES)},
            "faces": sum(len(one.faces()) for one in learnt),
            "recipes": [asdict(recipe) for recipe in recipes],
        },
    )
    found = _held_out(bundle, data, held_out)
    score, figures = _best_score(found)
    right = found.states[found.face >= 0], found.labels[found.face >= 0]
    temperature = fit_temperature(*right) if len(right[0]) else 1.0
    sure = softmax(np.asarray(right[0] / temperature, np.float32))
    fitted = replace(
        bundle,
        least_score=score,
        temperature=temperature,
        unknown=UnknownRule(_SMALLEST_FACE, fit_threshold(sure, right[1], _MOST_WRONG)),
        figures={"held_out": figures},
    )
    export_end_to_end(
        fitted.model_path,
        folder / END_TO_END,
        score=score,
        overlap=_OVERLAP,
        temperature=temperature,
    )
    bundles.write(fitted)
    return fitted


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Boxes of all held-out pictures, in rows: `scores`, logits of the `states`, the labelled
    `face` that each finds (-1: none) and its `labels`; how many faces there are."""

    scores: Floats
    states: Floats
    face: NDArray[np.int64]
    labels: NDArray[np.int64]
    faces: int


def _held_out(bundle: Bundle, data: Path, labels: Sequence[SceneLabels]) -> _Found:
    """What the network says of held-out scenes; boxes on ignored regions are left out."""
    detector = OnePass(bundle, score=_LOWEST_SCORE, device="cpu")
    parts, count = [], 0
    for one in labels:
        boxes = np.array(one.boxes, np.float32).reshape(-1, 4)
        truth, ignored = boxes[one.faces()], boxes[one.ignored()]
        states = np.array(one.states).reshape(-1, len(CLASSES))[one.faces()]
        faces = detector.detect([decode(data / one.path)])[0]
        match = matched(faces.boxes, truth)
        doubtful = (match < 0) & (iou(faces.boxes, ignored) > 0.3).any(axis=1)
        label = states.argmax(axis=1)[match] if len(truth) else np.zeros(len(match), int)
        kept = ~doubtful
        logits = np.log(np.maximum(faces.probabilities, 1e-9))
        face = np.where(match < 0, -1, match + count)
        parts.append((faces.scores[kept], logits[kept], face[kept], label[kept]))
        count += len(truth)
    scores, states_of_all, face_of_all, label_of_all = map(np.concatenate, zip(*parts, strict=True))
    return _Found(scores, states_of_all, face_of_all, label_of_all, count)


def matched(boxes: Floats, truth: Floats) -> NDArray[np.int64]:
    """For boxes, best first, the labelled face that each finds first, or -1; shape (n,)."""
    out = np.full(len(boxes), -1, np.int64)
    overlaps = iou(boxes, truth)
    free = np.ones(len(truth), bool)
    for row, overlap in enumerate(overlaps):
        candidates = np.where(free, overlap, 0)
        if candidates.size and candidates.max() >= _SAME_FACE_IOU:
            out[row] = int(candidates.argmax())
            free[out[row]] = False
    return out


def _best_score(found: _Found) -> tuple[float, dict[str, float]]:
    """The score below which boxes are best dropped, and what is found at it.

    Best is by F0.5: a box where nobody is annoys more than a face that is missed.
    """
    best, figures = 0.5, {"f0.5": 0.0}
    for score in np.arange(0.1, 0.95, 0.01):
        told = found.scores >= score
        right = int((told & (found.face >= 0)).sum())
        recall, precision = right / max(1, found.faces), right / max(1, int(told.sum()))
        value = 1.25 * recall * precision / max(1e-9, recall + 0.25 * precision)
        if value > figures["f0.5"]:
            best = round(float(score), 2)
            figures = {"f0.5": value, "recall": recall, "precision": precision}
    figures = {name: round(value, 4) for name, value in figures.items()}
    return best, {"faces": float(found.faces), **figures}
