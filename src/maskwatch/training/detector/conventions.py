"""One way to draw boxes: sets differ in how much of a head they enclose, and teachers from both.

A network that is shown several ways tells none of them well. So what a set's boxes are, measured
against the teachers' of the same faces, is taken away, and what those of one set are is put on; a
face that was labelled and seen gets the mean of both, which halves what labellers' hands add.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from maskwatch.training.detector.labels import LABELLED, SceneLabels
from maskwatch.types import CLASSES, Boxes, Floats

_REFERENCE = 0
"""The set whose way is taken: forehead to chin."""
_FEWEST = 20


def aligned(labels: Sequence[SceneLabels]) -> list[SceneLabels]:
    """The labels with all boxes drawn in the reference set's way.

    Args:
        labels: of all pictures, those of the reference set among them. The ways are measured on
            those that are not held out.
    """
    ordered = sorted((o for o in labels if not o.held_out), key=lambda one: one.source)
    ways = {source: _way(list(these)) for source, these in groupby(ordered, lambda o: o.source)}
    return [_redrawn(one, ways[one.source], ways[_REFERENCE]) for one in labels]


def _way(labels: Sequence[SceneLabels]) -> Floats:
    """By state, shape (3, 4): how a set's boxes lie beside the teachers', in sides of those.

    The median; that of all states where a state has few faces, zero where no face is labelled.
    """
    gaps: list[list[Floats]] = [[] for _ in CLASSES]
    for one in labels:
        for box, seen, states in zip(one.boxes, one.seen, one.states, strict=True):
            if seen is not None:
                teacher = np.array(seen, np.float32)
                gap = (np.array(box, np.float32) - teacher) / _sides(teacher)
                gaps[int(np.argmax(states))].append(gap)
    every = [gap for of_state in gaps for gap in of_state] or [np.zeros(4, np.float32)]
    medians = [np.median(g if len(g) >= _FEWEST else every, axis=0) for g in gaps]
    return np.array(medians, np.float32)


def _redrawn(one: SceneLabels, own: Floats, reference: Floats) -> SceneLabels:
    if not one.boxes:
        return one
    states = np.argmax(one.states, axis=1)
    drawn = np.array(one.boxes, np.float32)
    labelled = np.array(one.sureness)[:, None] >= LABELLED
    boxes = np.where(labelled, _undone(drawn, own[states]), drawn)
    seen = np.array([box or teacher for box, teacher in zip(one.seen, boxes, strict=True)])
    boxes = np.asarray((boxes + seen) / 2, np.float32)
    boxes = boxes + reference[states] * _sides(boxes)
    return replace(one, boxes=np.round(boxes.astype(float), 1).tolist())


def _undone(boxes_xyxy: Boxes, ways: Floats) -> Boxes:
    """The boxes to which those ways, in their sides, lead to these; shapes (n, 4)."""
    sides = _sides(boxes_xyxy) / np.tile(1 + ways[:, 2:] - ways[:, :2], (1, 2))
    return np.asarray(boxes_xyxy - ways * sides, np.float32)


def _sides(boxes_xyxy: Boxes) -> Floats:
    """Width, height, width, height of boxes (..., 4)."""
    return np.concatenate([boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]] * 2, axis=-1)
