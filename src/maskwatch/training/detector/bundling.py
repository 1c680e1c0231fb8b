"""From a trained detector to a bundle: exported, with fitted thresholds, described."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maskwatch import __version__
from maskwatch.errors import UsageError
from maskwatch.evaluation.detections import Matches, match
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
    bundle = _described(folder, name, recipes, [one for one in labels if not one.held_out])
    detector = OnePass(bundle, score=_LOWEST_SCORE, device="cpu")
    found, logits, told = found_held_out(detector, data, held_out)
    score, figures = best_score(found)
    temperature = fit_temperature(logits, told) if len(told) else 1.0
    sure = softmax(np.asarray(logits / temperature, np.float32))
    fitted = replace(
        bundle,
        least_score=score,
        temperature=temperature,
        unknown=UnknownRule(_SMALLEST_FACE, fit_threshold(sure, told, _MOST_WRONG)),
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


def _described(
    folder: Path, name: str, recipes: Sequence[Recipe], learnt: Sequence[SceneLabels]
) -> Bundle:
    """The bundle before anything is fitted."""
    return Bundle(
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
            "boxes": "drawn as the first source's, averaged with the teachers'; held-out ones, too",
            "recipes": [asdict(recipe) for recipe in recipes],
        },
    )


def found_held_out(
    detector: OnePass, data: Path, labels: Sequence[SceneLabels]
) -> tuple[list[Matches], Floats, NDArray[np.int64]]:
    """What a detector finds in held-out scenes; of the faces that it finds the logits of their
    states, shape (n, 3), and their labels (n,)."""
    parts, logits, told = [], [np.zeros((0, len(CLASSES)), np.float32)], [np.zeros(0, np.int64)]
    for one in labels:
        boxes = np.array(one.boxes, np.float32).reshape(-1, 4)
        rows, ignored = one.faces(), one.ignored()
        doubtful = np.arange(len(rows) + len(ignored)) >= len(rows)
        faces = detector.detect([decode(data / one.path)])[0]
        found = match(faces.boxes, faces.scores, boxes[rows + ignored], doubtful)
        parts.append(found)
        box = found.box[: len(rows)]
        states = np.array(one.states).reshape(-1, len(CLASSES))[rows].argmax(axis=1)
        logits.append(np.log(np.maximum(faces.probabilities[box[box >= 0]], 1e-9)))
        told.append(states[box >= 0])
    return parts, np.concatenate(logits), np.concatenate(told)


def best_score(found: Sequence[Matches]) -> tuple[float, dict[str, float]]:
    """The score below which boxes are best dropped, and what is found at it.

    Best is by F1.
    """
    scores = np.concatenate([one.scores for one in found])
    right_ones = np.concatenate([one.right for one in found])
    faces = sum(one.faces for one in found)
    best, figures = 0.5, {"f1": 0.0}
    for score in np.arange(0.1, 0.95, 0.01):
        told = scores >= score
        right = int((told & right_ones).sum())
        recall, precision = right / max(1, faces), right / max(1, int(told.sum()))
        value = 2 * recall * precision / max(1e-9, recall + precision)
        if value > figures["f1"]:
            best = round(float(score), 2)
            figures = {"f1": value, "recall": recall, "precision": precision}
    figures = {name: round(value, 4) for name, value in figures.items()}
    return best, {"faces": float(faces), **figures}
