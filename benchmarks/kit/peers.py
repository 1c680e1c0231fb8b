"""Two published one-pass detectors of masked faces, with one suppression over both their states.

AIZOO's SSD (github.com/AIZOOTech/FaceMaskDetection, 260x260, Caffe) and the masked-face edition of
Ultra-Light-Fast-Generic-Face-Detector (RFB, 640x480, ONNX). Both know two states.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from maskwatch.boxes import clip, nms
from maskwatch.types import Boxes, Floats, Image

Found = tuple[Boxes, Floats]
_SCORE, _IOU = 0.02, 0.4
_MOST_BOXES = 1200


class Aizoo:
    """Boxes and the scores of mask and no mask, shapes (n, 4) and (n, 2)."""

    _SIDE = 260
    _GRIDS = (33, 17, 9, 5, 3)
    _SIZES = ((0.04, 0.056), (0.08, 0.11), (0.16, 0.22), (0.32, 0.45), (0.64, 0.72))
    _RATIOS = (1, 0.62, 0.42)
    _VARIANCES = np.array([0.1, 0.1, 0.2, 0.2], np.float32)

    def __init__(self, folder: Path) -> None:
        stem = folder / "aizoo-face-mask-detection"
        self._net = cv2.dnn.readNet(f"{stem}.prototxt", f"{stem}.caffemodel")
        self._anchors = np.concatenate(
            [_anchors(g, s, self._RATIOS) for g, s in zip(self._GRIDS, self._SIZES, strict=True)]
        )

    def __call__(self, image: Image) -> Found:
        """The faces of one RGB picture."""
        self._net.setInput(cv2.dnn.blobFromImage(image, 1 / 255, (self._SIDE, self._SIDE)))
        moves, scores = (
            part[0] for part in self._net.forward(["loc_branch_concat", "cls_branch_concat"])
        )
        moves = moves * self._VARIANCES
        size = self._anchors[:, 2:] * np.exp(moves[:, 2:])
        centre = self._anchors[:, :2] + moves[:, :2] * self._anchors[:, 2:]
        boxes = np.hstack([centre - size / 2, centre + size / 2])
        return _kept(image, boxes, np.asarray(scores, np.float32))


class UltraLight:
    """As `Aizoo`."""

    def __init__(self, folder: Path) -> None:
        file = folder / "ultralight-rfb640-masked-face-v2.onnx"
        self._session = onnxruntime.InferenceSession(str(file))

    def __call__(self, image: Image) -> Found:
        """The faces of one RGB picture."""
        small = cv2.resize(image, (640, 480)).astype(np.float32)
        pixels = ((small - 127) / 128).transpose(2, 0, 1)[None]
        scores, boxes = (part[0] for part in self._session.run(None, {"input": pixels}))
        return _kept(image, boxes, scores[:, [2, 1]])


def _anchors(grid: int, sizes: tuple[float, float], ratios: tuple[float, ...]) -> Floats:
    """Centre and size of each anchor of one grid, in parts of the picture, shape (n, 4)."""
    shapes = [(size, size) for size in sizes]
    shapes += [(sizes[0] * ratio**0.5, sizes[0] / ratio**0.5) for ratio in ratios[1:]]
    steps = (np.arange(grid) + 0.5) / grid
    ys, xs = np.meshgrid(steps, steps, indexing="ij")
    centres = np.stack([xs, ys], axis=2)[:, :, None].repeat(len(shapes), axis=2)
    table = np.concatenate([centres, np.broadcast_to(shapes, centres.shape)], axis=3)
    return table.reshape(-1, 4).astype(np.float32)


def _kept(image: Image, boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> Found:
    """The best boxes in pixels after suppression."""
    height, width = image.shape[:2]
    best = scores.max(axis=1)
    rows = np.flatnonzero(best >= _SCORE)
    rows = rows[np.argsort(-best[rows])][:_MOST_BOXES]
    scaled = boxes[rows] * np.array([width, height, width, height], np.float32)
    pixels = clip(scaled.astype(np.float32), width, height)
    stay = nms(pixels, best[rows], _IOU)
    return pixels[stay], scores[rows][stay]
