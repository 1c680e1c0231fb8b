"""Which face is the same as before: a small tracker that thinks in seconds, not in frames.

Faces are assigned to the places where known ones should be by now, cheapest in all. What may be
the same face depends on the time that passed and on the face's size, so that one set of numbers
holds from 2 to 30 frames a second and for near and far people. Faces that are left over then are
those of people who were gone for a moment only, where nobody else can be meant.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from maskwatch.types import Boxes, Faces, Floats

Vectors = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerOptions:
    """Distances are in sizes of the face (the root of its area), times in seconds.

    A face may be off its foreseen place by `slack`, and by `speed` for each second since it was
    seen, at most by `farthest`; farther than `near` only if the clothes below it have about the
    same colour, `colour` apart at most. Who is not seen for `patience_s` is gone.

    Who turns shows another side of the clothes and another size of face. In `blink_s` nobody
    leaves and is replaced, so one who was gone no longer, and is the only one missing within
    `alone` of the only new face there, may differ more: `turned_colour`, `turned_scale`.
    """

    slack: float = 0.7
    speed: float = 4.0
    farthest: float = 2.0
    near: float = 0.4
    colour: float = 20.0
    largest_scale: float = 1.5
    patience_s: float = 2.0
    momentum_s: float = 0.5
    blink_s: float = 0.28
    alone: float = 1.2
    turned_colour: float = 40.0
    turned_scale: float = 1.8


class _Differences(NamedTuple):
    """How far faces are from what is known of the tracks, each of shape (tracks, faces).

    `apart` is from the foreseen place in sizes of the face, `scale` the logarithm of the ratio of
    sizes, `colour` in CIE Lab; `gone_s`, shape (tracks, 1), since when each was not seen.
    """

    apart: Vectors
    scale: Vectors
    colour: Vectors
    gone_s: Vectors

    def of(self, rows: Indices, columns: Indices) -> "_Differences":
        """Those of some tracks and faces only."""
        chosen = np.ix_(rows, columns)
        return _Differences(
            self.apart[chosen], self.scale[chosen], self.colour[chosen], self.gone_s[rows]
        )


class Tracker:
    """Gives faces the numbers of their tracks; numbers are never used again."""

    def __init__(self, options: TrackerOptions | None = None) -> None:
        self.options = options or TrackerOptions()
        self._numbers = np.zeros(0, np.int64)
        self._boxes = np.zeros((0, 4))
        self._velocities = np.zeros((0, 2))
        self._seen = np.zeros(0)
        self._hits = np.zeros(0, np.int64)
        self._colours = np.zeros((0, 3))
        self._next = 1

    def update(self, faces: Faces, time_s: float, colours: Floats | None = None) -> Faces:
        """The same faces in the same order, with `tracks`; times must not go back.

        Args:
            faces: of one frame.
            time_s: when it was, in seconds.
            colours: of the clothes below each face, shape (n, 3).
        """
        boxes = np.asarray(faces.boxes, np.float64)
        looks = np.zeros((len(boxes), 3)) if colours is None else np.asarray(colours, np.float64)
        self.forget(time_s)
        rows, columns = self._assigned(boxes, looks, time_s)
        self._move(rows, boxes[columns], time_s)
        self._colours[rows] += 0.5 * (looks[columns] - self._colours[rows])
        tracks = np.zeros(len(boxes), np.int64)
        tracks[columns] = self._numbers[rows]
        new = _others(columns, len(boxes))
        if len(new):
            tracks[new] = self._added(boxes[new], looks[new], time_s)
        return replace(faces, tracks=tracks)

    def forget(self, time_s: float) -> None:
        """Drop the tracks that were not seen for too long."""
        kept = time_s - self._seen <= self.options.patience_s
        if kept.all():
            return
        for name in ("_numbers", "_boxes", "_velocities", "_seen", "_hits", "_colours"):
            setattr(self, name, getattr(self, name)[kept])

    def rescale(self, x: float, y: float) -> None:
        """The camera's picture changed its size by these factors."""
        self._boxes *= [x, y, x, y]
        self._velocities *= [x, y]

    def _assigned(self, boxes: Vectors, colours: Vectors, time_s: float) -> tuple[Indices, Indices]:
        """Tracks and faces that belong together, as indices of both."""
        if not len(boxes) or not len(self._boxes):
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        differences = self._differences(boxes, colours, time_s)
        rows, columns = self._likeliest(differences)
        missing, new = _others(rows, len(self._boxes)), _others(columns, len(boxes))
        if not len(missing) or not len(new):
            return rows, columns
        back, faces = self._back_again(differences.of(missing, new))
        return np.concatenate([rows, missing[back]]), np.concatenate([columns, new[faces]])

    def _differences(self, boxes: Vectors, colours: Vectors, time_s: float) -> _Differences:
        momentum_s, gone_s = self.options.momentum_s, (time_s - self._seen)[:, None]
        # A face that is out of sight slows down: people turn and stop.
        drift = self._velocities * (momentum_s * (1 - np.exp(-gone_s / momentum_s)))
        sizes, new_sizes = _sizes(self._boxes)[:, None], _sizes(boxes)[None]
        way = (_centres(self._boxes) + drift)[:, None] - _centres(boxes)[None]
        return _Differences(
            apart=np.linalg.norm(way, axis=2) / np.sqrt(sizes * new_sizes),
            scale=np.abs(np.log(new_sizes / sizes)),
            colour=np.linalg.norm(self._colours[:, None] - colours[None], axis=2),
            gone_s=gone_s,
        )

    def _likeliest(self, differences: _Differences) -> tuple[Indices, Indices]:
        """The cheapest assignment of all to all, of what may be the same."""
        options, (apart, scale, colour, gone_s) = self.options, differences
        reach = np.minimum(options.slack + options.speed * gone_s, options.farthest)
        change = colour / options.colour
        allowed = (apart <= reach) & (scale <= np.log(options.largest_scale))
        allowed &= (apart <= options.near) | (change <= 1)
        cost = np.where(allowed, apart / reach + scale + np.minimum(change, 1) / 2, 1e6)
        rows, columns = linear_sum_assignment(cost)
        good = allowed[rows, columns]
        return rows[good], columns[good]

    def _back_again(self, differences: _Differences) -> tuple[Indices, Indices]:
        """Those who were missing for a moment, and the new faces that nobody else can be."""
        options, (apart, scale, colour, gone_s) = self.options, differences
        near = (apart <= options.alone) & (gone_s <= options.blink_s)
        alone = (near.sum(axis=1, keepdims=True) == 1) & (near.sum(axis=0, keepdims=True) == 1)
        alike = (scale <= np.log(options.turned_scale)) & (colour <= options.turned_colour)
        rows, columns = np.nonzero(near & alone & alike)
        return rows, columns

    def _move(self, rows: Indices, boxes: Vectors, time_s: float) -> None:
        passed_s = np.maximum(time_s - self._seen[rows], 1e-3)[:, None]
        measured = (_centres(boxes) - _centres(self._boxes[rows])) / passed_s
        # Boxes tremble: the shorter the step, the less it says of the speed.
        trust = 1 - np.exp(-passed_s / (self.options.momentum_s / 2))
        first = (self._hits[rows] == 1)[:, None]
        self._velocities[rows] += np.where(first, 1.0, trust) * (measured - self._velocities[rows])
        self._boxes[rows], self._seen[rows] = boxes, time_s
        self._hits[rows] += 1

    def _added(self, boxes: Vectors, colours: Vectors, time_s: float) -> NDArray[np.int64]:
        numbers = np.arange(self._next, self._next + len(boxes))
        self._next += len(boxes)
        self._numbers = np.concatenate([self._numbers, numbers])
        self._boxes = np.concatenate([self._boxes, boxes])
        self._colours = np.concatenate([self._colours, colours])
        self._velocities = np.concatenate([self._velocities, np.zeros((len(boxes), 2))])
        self._seen = np.concatenate([self._seen, np.full(len(boxes), time_s)])
        self._hits = np.concatenate([self._hits, np.ones(len(boxes), np.int64)])
        return numbers


def _others(indices: Indices, count: int) -> Indices:
    """All up to `count` that are not among these."""
    left = np.ones(count, bool)
    left[indices] = False
    return np.flatnonzero(left)


def _centres(boxes_xyxy: Boxes | Vectors) -> Vectors:
    return np.asarray((boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2, np.float64)


def _sizes(boxes_xyxy: Boxes | Vectors) -> Vectors:
    sides = np.maximum(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 1.0)
    return np.asarray(np.sqrt(sides.prod(axis=1)), np.float64)
