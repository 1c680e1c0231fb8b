"""A head in a picture: how it is turned, and where the parts of its face lie and are seen.

Face coordinates are those of `FaceFrame`, on a head seen from the front: x = -1 and 1 at the eyes,
y = 0 at the eyes and 1 at the mouth. A head is taken for a surface that is round across, with a
nose, and is seen from far away (a scaled orthographic projection); five landmarks tell its turn.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.data.drawing.face import Outline
from maskwatch.types import Floats

_Array = NDArray[np.floating[Any]]

# Depth and width are in half distances between the eyes. Width, height and the nose's depth are
# medians of what YuNet finds on frontal faces, and on those that are turned more and more.
_TALL = 1.95
NOSE_Y = 0.6
"""Where the tip of every nose lies in face coordinates."""
WIDE = 1 / _TALL
"""Half the distance between the eyes, of that from the eyes to the mouth, seen from the front."""
_POINTS = np.array(
    [[-1, 0, 0], [1, 0, 0], [0, NOSE_Y * _TALL, 0.92], [-0.87, _TALL, 0.1], [0.87, _TALL, 0.1]]
)
_MIDDLE_Y = (-1.8, -0.7, 0.0, 0.35, 0.6, 0.8, 1.0, 1.35, 1.7, 1.95, 2.3, 3.3)
_MIDDLE_Z = (-0.6, 0.2, 0.3, 0.45, 0.6, 0.72, 0.78, 0.7, 0.6, 0.1, -0.8, -1.6)
_WIDTH_Y, _WIDTH = (-1.8, -0.7, 0.0, 1.0, 1.7, 2.2), (2.0, 2.45, 2.4, 2.2, 1.75, 1.6)
_DEEP = 2.9
_NOSE_HIGH, _NOSE_WIDE = 0.38, 0.5
_FIRST_Y, _LAST_Y = -1.8, 3.2
_ROWS, _COLUMNS, _WIDEST = 30, 27, np.radians(84)
_MISSES, _NODS, _WIDTHS = 0.04, 0.3, 0.12
_MOST_TURNED = np.radians(85)
_STEP = 0.02
_NOSE_REACH = 0.45
_STEPS, _NUDGE, _LEAST_GAIN = 15, 1e-5, 1e-3
_SUBPIXEL_BITS = 4
_LEAST_AREA_PX = 1e-6


class Head:
    """Where a head lies in a picture, and how it is turned; `unit`, pixels from eyes to mouth.

    Args:
        landmarks: shape (5, 2) in pixels: right eye, left eye, nose, corners of the mouth.
    """

    def __init__(self, landmarks: Floats) -> None:
        marks = landmarks.astype(np.float64)
        down = marks[3:5].mean(axis=0) - marks[:2].mean(axis=0)
        self.unit = max(float(np.linalg.norm(down)), 1.0)
        self._pose = _fitted(marks, down, self.unit)
        missed = marks - _projected(_POINTS, self._pose)[:, :2]
        self._missed = np.stack([missed[:2].mean(axis=0), missed[2], missed[3:].mean(axis=0)])

    @property
    def yaw_deg(self) -> float:
        """How far it is turned, to the right side of the picture being positive."""
        return float(np.degrees(self._pose[0]))

    def points(self, xy: Outline) -> Floats:
        """Face coordinates (..., 2) in pixels."""
        return np.asarray(self._placed(xy)[..., :2], np.float32)

    def facing(self, xy: Outline) -> Floats:
        """How far the face is turned to the camera there, 1 being straight to it; shape (...)."""
        right, down = np.array([_STEP, 0]), np.array([0, _STEP])
        across = self._placed(xy + right) - self._placed(xy - right)
        along = self._placed(xy + down) - self._placed(xy - down)
        normal = np.cross(across, along)
        return np.asarray(normal[..., 2] / np.maximum(np.linalg.norm(normal, axis=-1), 1e-9))

    def seen(self, height: int, width: int) -> Floats:
        """The face coordinates of what each pixel shows, shape (height, width, 2); NaN for none."""
        angle = np.linspace(-_WIDEST, _WIDEST, _COLUMNS)
        y = np.linspace(_FIRST_Y, _LAST_Y, _ROWS)
        x = _half_width(y)[:, None] * np.sin(angle)
        xy = np.stack(np.broadcast_arrays(x, y[:, None]), axis=-1)
        corners, coordinates = _quads(self._placed(xy)), _quads(xy)
        return _painted(corners, coordinates, height, width)

    def _placed(self, xy: Outline) -> NDArray[np.float64]:
        """In pixels, with the depth to the camera, shape (..., 3); landmarks where they are."""
        x, y = xy[..., 0], xy[..., 1]
        placed = _projected(np.stack([x, y * _TALL, _depth(x, y)], axis=-1), self._pose)
        near_nose = np.exp(-(x**2)) * np.maximum(1 - np.abs(y - NOSE_Y) / 0.4, 0)
        low = np.clip(y, 0, 1)
        weights = np.stack([1 - low, near_nose, low], axis=-1)
        weights[..., [0, 2]] *= (1 - near_nose)[..., None]
        placed[..., :2] += weights @ self._missed
        return placed


def _half_width(y: _Array) -> NDArray[np.float64]:
    return np.interp(y, _WIDTH_Y, _WIDTH)


def _depth(x: _Array, y: _Array) -> NDArray[np.float64]:
    """How far the face, or the cloth before it, stands out there."""
    middle = np.interp(y, _MIDDLE_Y, _MIDDLE_Z)
    across = np.minimum(np.abs(x) / _half_width(y), 0.998)
    nose = _NOSE_HIGH * np.exp(-((x / _NOSE_WIDE) ** 2) - ((y - NOSE_Y) / 0.25) ** 2)
    return np.asarray(middle - _DEEP * (1 - np.sqrt(1 - across**2)) + nose)


def _fitted(marks: _Array, down: _Array, unit: float) -> NDArray[np.float64]:
    """Yaw, nod, roll, logarithms of scale and of width, and the point between the eyes.

    Damped Gauss-Newton steps (Levenberg 1944, Marquardt 1963), from a head that looks ahead.
    """
    middle = marks[:2].mean(axis=0)
    seen = (marks - middle) / unit
    nose = float(seen[2] @ [down[1], -down[0]]) / unit
    turn = np.arcsin(np.clip(nose / _NOSE_REACH, -0.97, 0.97))
    pose = np.array([turn, 0, np.arctan2(-down[0], down[1]), -np.log(_TALL), 0, 0, 0])
    missed, damping = _misses(pose, seen), 1e-2
    for _ in range(_STEPS):
        slopes = [(_misses(pose + nudge, seen) - missed) / _NUDGE for nudge in _NUDGE * np.eye(7)]
        jacobian = np.stack(slopes, axis=1)
        curvature = jacobian.T @ jacobian + damping * np.eye(7)
        moved = pose - np.linalg.solve(curvature, jacobian.T @ missed)
        missed_then = _misses(moved, seen)
        if missed_then @ missed_then >= missed @ missed:
            damping *= 10
            continue
        gained = missed @ missed - missed_then @ missed_then
        pose, missed, damping = moved, missed_then, damping / 10
        if gained < _LEAST_GAIN:
            break
    pose[3] += np.log(unit)
    pose[5:] = middle + unit * pose[5:]
    return pose


def _misses(pose: _Array, seen: _Array) -> NDArray[np.float64]:
    """How far landmarks lie from where the pose has them, and how unlikely the pose is."""
    off = (_projected(_POINTS, pose)[:, :2] - seen).ravel() / _MISSES
    beyond = max(abs(pose[0]) - _MOST_TURNED, 0) * 50
    return np.concatenate([off, [pose[1] / _NODS, pose[4] / _WIDTHS, beyond]])


def _projected(points: _Array, pose: _Array) -> NDArray[np.float64]:
    """Points (..., 3) on the head in pixels, and how near to the camera they are, (..., 3)."""
    yaw, nod, roll, scale, wide, left, top = pose
    x, y, z = points[..., 0] * np.exp(wide), points[..., 1], points[..., 2]
    x, z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
    y, z = y * np.cos(nod) + z * np.sin(nod), z * np.cos(nod) - y * np.sin(nod)
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    size = np.exp(scale)
    return np.stack([x * size + left, y * size + top, z * size], axis=-1)


def _quads(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners of a grid's cells, clockwise, shape (n, 4, channels)."""
    whole = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=2)
    return whole.reshape(-1, 4, grid.shape[-1])


def _painted(
    corners: NDArray[np.float64], coordinates: NDArray[np.float64], height: int, width: int
) -> Floats:
    """What the nearest cell says at each pixel; the cells are painted from the farthest on."""
    order = np.argsort(corners[..., 2].mean(axis=1))
    corners, coordinates = corners[order, :, :2], coordinates[order]
    right, down, _ = _edges(corners)
    turned_to_us = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0] > _LEAST_AREA_PX
    corners, coordinates = corners[turned_to_us], coordinates[turned_to_us]
    cell: NDArray[np.int32] = np.full((height, width), -1, np.int32)
    for number, four in enumerate(np.round(corners * 2**_SUBPIXEL_BITS).astype(np.int32)):
        cv2.fillConvexPoly(cell, four, number, cv2.LINE_8, _SUBPIXEL_BITS)
    out: Floats = np.full((height, width, 2), np.nan, np.float32)
    ys, xs = np.nonzero(cell >= 0)
    k = cell[ys, xs]
    right, down, middle = _edges(corners)
    away = np.stack([xs, ys], axis=1) - middle[k]
    steps = np.linalg.inv(np.stack([right, down], axis=2))[k] @ away[..., None]
    steps = np.clip(steps[..., 0], -0.5, 0.5)
    right, down, middle = _edges(coordinates)
    out[ys, xs] = middle[k] + steps[:, :1] * right[k] + steps[:, 1:] * down[k]
    return out


def _edges(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """The way right, the way down and the middle of cells (n, 4, 2), each of shape (n, 2)."""
    a, b, c, d = np.moveaxis(corners, 1, 0)
    return (b - a + c - d) / 2, (d - a + c - b) / 2, corners.mean(axis=1)
