"""How well boxes find labelled faces: average precision at IoU 0.5 as COCO counts it, recall."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import area, iou
from maskwatch.types import Boxes, Floats

IOU = 0.5
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What the boxes of one picture found.

    `scores` and `right` have one entry a box that counts (boxes on ignored faces do not); `found`
    one a labelled face: the score of the box that found it, 0 where none did, NaN where the face
    is ignored; `box` the index of that box, or -1.
    """

    scores: Floats
    right: NDArray[np.bool_]
    found: Floats
    box: NDArray[np.int64]

    @property
    def faces(self) -> int:
        """How many labelled faces count."""
        return int(np.isfinite(self.found).sum())


def match(boxes: Boxes, scores: Floats, truth: Boxes, ignored: NDArray[np.bool_]) -> Matches:
    """Match the boxes of one picture with its labelled faces, the surest box first (COCO's rule).

    A box takes the free face that it overlaps most; where none overlaps it enough, an ignored face,
    of which it must hold half of its own area inside, keeps it from counting as wrong.

    Args:
        boxes: shape (n, 4).
        scores: shape (n,).
        truth: labelled faces, shape (m, 4).
        ignored: which of them neither count as missed nor as found, shape (m,).
    """
    order = np.argsort(-scores, kind="stable")
    overlaps = iou(boxes[order], truth)
    covered = _inside(boxes[order], truth)
    found = np.where(ignored, np.nan, 0).astype(np.float32)
    right, counts = np.zeros(len(order), bool), np.ones(len(order), bool)
    free, box = ~ignored, np.full(len(truth), -1, np.int64)
    for row, index in enumerate(order):
        candidates = np.where(free, overlaps[row], 0)
        if candidates.size and candidates.max() >= IOU:
            best = int(candidates.argmax())
            free[best], right[row], found[best], box[best] = False, True, scores[index], index
        elif (covered[row][ignored] >= IOU).any():
            counts[row] = False
    return Matches(scores[order][counts], right[counts], found, box)


def _inside(boxes: Boxes, regions: Boxes) -> Floats:
    """The part of each box that lies in each region, shape (n, m)."""
    low = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    sides = np.maximum(high - low, 0)
    return np.asarray(sides[..., 0] * sides[..., 1] / np.maximum(area(boxes)[:, None], 1e-9))


def average_precision(pictures: Sequence[Matches]) -> float:
    """The mean precision over 101 recalls, 0..1; NaN where no face counts."""
    return float(_precisions(pictures, np.ones((1, len(pictures)), np.int64))[0])


def precision_interval(
    pictures: Sequence[Matches], *, draws: int = 1000, seed: int = 42
) -> tuple[float, float]:
    """The 95% bootstrap interval of the average precision, over pictures."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(pictures), (draws, len(pictures)))
    times = np.stack([np.bincount(draw, minlength=len(pictures)) for draw in chosen])
    low, high = np.nanpercentile(_precisions(pictures, times), [2.5, 97.5])
    return float(low), float(high)


def _precisions(pictures: Sequence[Matches], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """The average precision of each draw, that counts each picture so many times: (draws,)."""
    scores = np.concatenate([one.scores for one in pictures])
    owner = np.concatenate([np.full(len(one.scores), i) for i, one in enumerate(pictures)])
    order = np.argsort(-scores, kind="mergesort")
    right = np.concatenate([one.right for one in pictures])[order]
    owner = owner[order]
    faces = times @ np.array([one.faces for one in pictures])
    out = np.full(len(times), np.nan)
    for draw, (counts, total) in enumerate(zip(times, faces, strict=True)):
        if not total:
            continue
        weights = counts[owner]
        true, all_told = np.cumsum(weights * right), np.cumsum(weights)
        precision = true / np.maximum(all_told, 1)
        # The best precision at this recall or more.
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(true / total, _RECALLS, side="left")
        reached = places < len(precision)
        out[draw] = precision[places[reached]].sum() / len(_RECALLS)
    return out


def recall(pictures: Sequence[Matches], score: float = 0.0) -> float:
    """The share of counted faces that a box of at least this score found."""
    found = np.concatenate([one.found for one in pictures])
    found = found[np.isfinite(found)]
    return float(((found > 0) & (found >= score)).mean()) if len(found) else float("nan")
