"""Arithmetic on boxes of shape (n, 4): x1, y1, x2, y2. Pure NumPy, nothing else."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_BLOCK = 256


def area(boxes_xyxy: Floats) -> Floats:
    """The area of each box, shape (n,); a box turned inside out has none."""
    sides = np.maximum(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def short_side(boxes_xyxy: Floats) -> Floats:
    """The shorter of width and height of each box, shape (n,)."""
    return np.asarray((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).min(axis=1))


def clip(boxes_xyxy: Floats, width: float, height: float) -> Floats:
    """The boxes cut to a picture of that size."""
    limits = np.array([width, height, width, height], np.float32)
    return np.asarray(np.clip(boxes_xyxy, 0, limits), np.float32)


def pad(boxes_xyxy: Floats, margin: float) -> Floats:
    """The boxes widened on each side by `margin` times their own width and height."""
    grow = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) * margin
    return np.hstack([boxes_xyxy[:, :2] - grow, boxes_xyxy[:, 2:] + grow]).astype(np.float32)


def squares(boxes_xyxy: Floats, margin: float) -> Floats:
    """Squares around the same centres: side = the box's longer side times (1 + 2 margin)."""
    centre = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    longer = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).max(axis=1, keepdims=True)
    half = longer * (0.5 + margin)
    return np.hstack([centre - half, centre + half]).astype(np.float32)


def iou(a_xyxy: Floats, b_xyxy: Floats) -> Floats:
    """The matrix of intersection over union, shape (len(a), len(b)), in 0..1."""
    top_left = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    bottom_right = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    common = sides[..., 0] * sides[..., 1]
    union = area(a_xyxy)[:, None] + area(b_xyxy)[None, :] - common
    return np.asarray(common / np.maximum(union, 1e-9), np.float32)


def nms(boxes_xyxy: Floats, scores: Floats, iou_limit: float) -> NDArray[np.intp]:
    """Indices of the boxes that stay, best first: greedy non-maximum suppression.

    A box goes when its overlap with a better one that stays exceeds `iou_limit`.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[NDArray[np.intp]] = []
    while order.size:
        # Many of the best at once: one matrix takes hardly longer than one row of it.
        block, rest = order[:_BLOCK], order[_BLOCK:]
        clash = iou(boxes_xyxy[block], boxes_xyxy[block]) > iou_limit
        stays = np.ones(len(block), bool)
        for row in range(len(block)):
            if stays[row]:
                stays[row + 1 :] &= ~clash[row, row + 1 :]
        kept.append(block[stays])
        free = iou(boxes_xyxy[kept[-1]], boxes_xyxy[rest]) <= iou_limit
        order = rest[free.all(axis=0)]
    return np.concatenate([np.zeros(0, np.intp), *kept])
