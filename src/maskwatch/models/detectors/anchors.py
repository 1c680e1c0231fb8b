"""What one-stage detectors share: the grid of their cells and the way from a picture to boxes."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import clip, nms
from maskwatch.types import Boxes, Faces, Floats


def cells(height: int, width: int, stride: int) -> NDArray[np.float32]:
    """The (x, y) of each cell of a feature map in cells, row by row, shape (h * w, 2)."""
    ys, xs = np.mgrid[: height // stride, : width // stride]
    return np.stack([xs.ravel(), ys.ravel()], axis=1).astype(np.float32)


def suppressed(
    boxes_xyxy: Boxes,
    scores: Floats,
    landmarks: Floats | None,
    *,
    iou_limit: float,
    scale: float,
    size_wh: tuple[int, int],
    probabilities: Floats | None = None,
) -> Faces:
    """The boxes that remain after suppression, divided by `scale` and cut to the picture."""
    kept = nms(boxes_xyxy, scores, iou_limit)
    faces = Faces.found(
        clip(boxes_xyxy[kept] / scale, *size_wh),
        np.clip(scores[kept], 0, 1),
        None if landmarks is None else landmarks[kept] / scale,
    )
    return faces if probabilities is None else replace(faces, probabilities=probabilities[kept])
