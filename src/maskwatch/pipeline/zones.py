"""Where in a camera's picture faces count: polygons in parts of its width and height."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwatch.types import Boxes

Polygon = tuple[tuple[float, float], ...]
"""Corners as x, y in parts of the picture's width and height, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Zones:
    """Faces count whose centre lies in `include`, or anywhere if that is empty, not in `ignore`."""

    include: tuple[Polygon, ...] = ()
    ignore: tuple[Polygon, ...] = ()

    def keeps(self, boxes_xyxy: Boxes, width: int, height: int) -> NDArray[np.bool_]:
        """Which boxes count, shape (n,); boxes in pixels of a picture of this size."""
        if not self.include and not self.ignore:
            return np.ones(len(boxes_xyxy), bool)
        centres = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2 / np.array([width, height])
        kept = _in_any(centres, self.include) if self.include else np.ones(len(centres), bool)
        return kept & ~_in_any(centres, self.ignore)


def _in_any(points: NDArray[np.floating], polygons: Sequence[Polygon]) -> NDArray[np.bool_]:
    inside = np.zeros(len(points), bool)
    for polygon in polygons:
        inside |= in_polygon(points, polygon)
    return inside


def in_polygon(points: NDArray[np.floating], polygon: Polygon) -> NDArray[np.bool_]:
    """Which of the points (n, 2) lie in a polygon, by the even-odd rule; shape (n,)."""
    x, y = points[:, :1], points[:, 1:]
    start = np.array(polygon, float)
    end = np.roll(start, -1, axis=0)
    crosses = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(end[:, 1] == start[:, 1], 1.0, end[:, 1] - start[:, 1])
    at = start[:, 0] + (y - start[:, 1]) / rise * (end[:, 0] - start[:, 0])
    return np.asarray((crosses & (x < at)).sum(axis=1) % 2 == 1)
