"""Where pictures and boxes come to lie under affine maps.

Coordinates are those of boxes: pixel centres lie at +0.5. A matrix has the shape (2, 3).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.data.drawing import mirrored
from maskwatch.images import resize
from maskwatch.types import Boxes, Floats, Image

_LEVELS = 4


def pyramid(image: Image) -> list[Image]:
    """The picture, its half, quarter and eighth: a warp shrinks less than twofold then."""
    levels = [image]
    while len(levels) < _LEVELS and min(levels[-1].shape[:2]) >= 2:
        height, width = levels[-1].shape[:2]
        levels.append(resize(levels[-1], -(-width // 2), -(-height // 2)))
    return levels


def at_scale(levels: Sequence[Image], matrix: Floats, scale: float) -> tuple[Image, Floats]:
    """The level of a pyramid to warp from, and the matrix for it."""
    wanted = max(0, int(np.floor(np.log2(max(0.85 / scale, 1e-6)) + 0.3)))
    level = levels[min(wanted, len(levels) - 1)]
    matrix = matrix.copy()
    matrix[:, 0] *= levels[0].shape[1] / level.shape[1]
    matrix[:, 1] *= levels[0].shape[0] / level.shape[0]
    return level, matrix


def covering(
    linear: NDArray[np.float64],
    shift: NDArray[np.float64],
    size_wh: tuple[int, int],
    tile_wh: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Mostly, the picture moved so that it leaves as little of the tile empty as it can."""
    if rng.random() < 0.15:
        return shift
    corners = np.array([[0, 0], [size_wh[0], 0], [0, size_wh[1]], size_wh], float) @ linear.T
    low, high = corners.min(axis=0) + shift, corners.max(axis=0) + shift
    tile = np.array(tile_wh, float)
    large = high - low >= tile
    to_left = np.where(large, np.maximum(low, 0), np.minimum(low, 0))
    to_right = np.where(large, np.minimum(high - tile, 0), np.maximum(high - tile, 0))
    return np.asarray(shift - to_left - to_right)


def warped(
    image: Image, matrix: Floats, size_wh: tuple[int, int], rng: np.random.Generator
) -> Image:
    """The picture under an affine matrix; around it a colour, or its border drawn out."""
    # OpenCV counts from the pixels' centres.
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    border = cv2.BORDER_REPLICATE if rng.random() < 0.25 else cv2.BORDER_CONSTANT
    plain = rng.random() < 0.5
    colour = (0.0, 0.0, 0.0) if plain else tuple(rng.uniform(0, 255, 3).tolist())
    return np.asarray(
        cv2.warpAffine(
            image, matrix, size_wh, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=colour
        ),
        np.uint8,
    )


def moved(boxes_xyxy: Boxes, matrix: Floats) -> Boxes:
    """The upright boxes around the ellipses of these boxes under an affine matrix (2, 3)."""
    centre = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) / 2
    half = np.sqrt(half**2 @ (matrix[:, :2] ** 2).T)
    return np.hstack([centre - half, centre + half]).astype(np.float32)


def moved_landmarks(landmarks: Floats, matrix: Floats) -> Floats:
    """The landmarks (n, 5, 2) under an affine matrix; a mirror makes left ones right ones."""
    out = (landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return mirrored(out) if np.linalg.det(matrix[:, :2]) < 0 else out
