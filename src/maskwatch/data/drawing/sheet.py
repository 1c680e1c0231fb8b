"""Masks spread out flat, in face coordinates, and laid onto a head however it is turned."""

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.data.drawing.face import Outline
from maskwatch.data.drawing.head import WIDE, Head
from maskwatch.types import Floats, Image

_X0, _Y0, _SPAN = -2.1, -0.7, 4.2
_CUT_SIDE = 128
MIDDLE = (0.0, 1.1)
"""Of a mask that is worn well, in face coordinates."""
_NOWHERE = -9.0
_LEAST_FACING = 0.2
"""Of a part that is seen: one that is turned farther away is smeared."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A square of `side` cells: x from -2.1 to 2.1 and y from -0.7 to 3.5 in face coordinates."""

    side: int = _CUT_SIDE

    @property
    def unit(self) -> float:
        """Cells from the eyes to the mouth."""
        return self.side / _SPAN

    def cells(self, xy: NDArray[np.floating[Any]]) -> Floats:
        """Face coordinates (..., 2) as cells, counted from the middle of the first."""
        return np.asarray((xy - [_X0, _Y0]) * self.unit - 0.5, np.float32)

    def middles(self) -> NDArray[np.float64]:
        """The face coordinates of each cell, shape (side, side, 2)."""
        steps = (np.arange(self.side) + 0.5) / self.unit
        return np.stack(np.meshgrid(steps + _X0, steps + _Y0), axis=-1)

    def y_of(self, row: float) -> float:
        """The y of a row's upper edge."""
        return float(_Y0 + row / self.unit)

    def filled(self, outline: Outline) -> NDArray[np.uint8]:
        """1 within an outline in face coordinates, shape (side, side)."""
        cover: NDArray[np.uint8] = np.zeros((self.side, self.side), np.uint8)
        cv2.fillPoly(cover, [np.round(self.cells(outline)).astype(np.int32)], 1)
        return cover

    def under(
        self, place: "Place", shape: tuple[int, ...], moved: NDArray[np.float64] | None = None
    ) -> tuple[Floats, Floats]:
        """The cells that lie under the pixels of a picture, x and y, each of shape (h, w).

        Args:
            place: where the sheet lies.
            shape: of the picture, (h, w, ...).
            moved: from the sheet's face coordinates to the place's, shape (3, 3).
        """
        xy = place.seen(*shape[:2])
        if moved is not None:
            back = np.linalg.inv(moved).astype(np.float32)
            xy = xy @ back[:2, :2].T + back[:2, 2]
        cells = np.nan_to_num(self.cells(xy), nan=_NOWHERE)
        return cells[..., 0], cells[..., 1]


class Place(Protocol):
    """Where a sheet may lie: on a head, beside one."""

    def points(self, xy: Outline) -> Floats:
        """Face coordinates (..., 2) in pixels."""

    def seen(self, height: int, width: int) -> Floats:
        """The face coordinates under each pixel, shape (height, width, 2); NaN for none."""


class Beside:
    """Flat beside a head, on the edge of one of its sides.

    Args:
        head: the head.
        side: -1 or 1, as x in face coordinates.
    """

    def __init__(self, head: Head, side: int) -> None:
        eyes, mouth, edge = head.points(np.array([[0, 0], [0, 1], [side * 1.75, 1.4]]))
        down = mouth - eyes
        width = WIDE * max(np.cos(np.radians(head.yaw_deg)), 0.5)
        basis = np.column_stack([width * np.array([down[1], -down[0]]), down])
        self._basis = basis.astype(np.float32) + np.float32(1e-6) * np.eye(2, dtype=np.float32)
        self._origin = edge - self._basis @ np.array(MIDDLE, np.float32)

    def points(self, xy: Outline) -> Floats:
        """Face coordinates (..., 2) in pixels; the middle of a mask is on the head's edge."""
        return np.asarray(xy @ self._basis.T + self._origin, np.float32)

    def seen(self, height: int, width: int) -> Floats:
        """The face coordinates under each pixel, shape (height, width, 2)."""
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        away = np.stack([columns, rows], axis=-1) - self._origin
        return np.asarray(away @ np.linalg.inv(self._basis).T, np.float32)


def seen_from_the_front(image: Image, head: Head) -> tuple[Image, NDArray[np.bool_]]:
    """A face turned to the front, its hidden side filled with the other; and where that is so.

    Args:
        image: RGB, shape (h, w, 3).
        head: the face's.

    Returns:
        The picture (128, 128, 3), and where it shows a side of the face that can be seen, or
        the mirror image of one, (128, 128).
    """
    xy = Sheet().middles()
    spots = head.points(xy)
    xs, ys = spots[..., 0], spots[..., 1]
    picture = cv2.remap(image, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    is_seen = head.facing(xy) > _LEAST_FACING
    is_mirrored = ~is_seen & is_seen[:, ::-1]
    picture[is_mirrored] = picture[:, ::-1][is_mirrored]
    return np.asarray(picture, np.uint8), is_seen | is_mirrored


def laid(
    picture: NDArray[Any],
    cover: NDArray[Any],
    place: Place,
    shape: tuple[int, ...],
    moved: NDArray[np.float64] | None = None,
) -> tuple[Floats, Floats]:
    """A sheet where it lies, as large as the picture that shows the head.

    Args:
        picture: RGB, shape (side, side, 3).
        cover: how much of each cell is mask, 0..1, shape (side, side).
        place: where it lies.
        shape: of the picture, (h, w, ...).
        moved: from the sheet's face coordinates to the place's, shape (3, 3).

    Returns:
        Its colours (h, w, 3) and how much of each pixel it covers, 0..1, (h, w).
    """
    xs, ys = Sheet(picture.shape[0]).under(place, shape, moved)
    cloth = cv2.remap(picture, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.remap(cover.astype(np.float32), xs, ys, cv2.INTER_LINEAR)
    return np.asarray(cloth, np.float32), np.asarray(covered, np.float32)
