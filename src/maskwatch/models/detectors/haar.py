"""Viola and Jones' cascade, which comes inside OpenCV 4: no file to get, few masked faces found."""

import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from maskwatch.errors import MissingExtra
from maskwatch.images import fit, to_grey
from maskwatch.models.detectors.anchors import suppressed
from maskwatch.types import Faces, Image

_CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml")
_HALF_SURE = 4.0


class Haar:
    """OpenCV's frontal face cascades, what either finds.

    Args:
        long_side: pictures are scaled to this longer side, in pixels.
        score: faces below it are dropped; 0..1, made from the cascade's own weight.
        iou: overlap above which the weaker of two boxes goes.
    """

    def __init__(self, *, long_side: int = 640, score: float = 0.3, iou: float = 0.3) -> None:
        if not hasattr(cv2, "CascadeClassifier"):
            raise MissingExtra("the detector haar needs OpenCV 4: pip install 'maskwatch[classic]'")
        folder = Path(cv2.__file__).parent / "data"
        self._cascades = [cv2.CascadeClassifier(str(folder / name)) for name in _CASCADES]
        self._long_side, self.score, self._iou = long_side, score, iou
        self._lock = threading.Lock()  # A cascade keeps its pyramid between calls.

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of each picture, best first."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        small, scale = fit(image, self._long_side)
        grey = cv2.equalizeHist(to_grey(small))
        rows = [np.zeros((0, 5), np.float32)]
        with self._lock:
            for cascade in self._cascades:
                found, _, weights = cascade.detectMultiScale3(
                    grey, scaleFactor=1.1, minNeighbors=4, minSize=(24, 24), outputRejectLevels=True
                )
                if len(found):
                    rows.append(np.hstack([found, np.reshape(weights, (-1, 1))]).astype(np.float32))
        table = np.concatenate(rows)
        sure = np.maximum(table[:, 4], 0)
        scores = sure / (sure + _HALF_SURE)
        boxes = np.hstack([table[:, :2], table[:, :2] + table[:, 2:4]]).astype(np.float32)
        kept = scores >= self.score
        size_wh = image.shape[1], image.shape[0]
        return suppressed(
            boxes[kept],
            scores[kept].astype(np.float32),
            None,
            iou_limit=self._iou,
            scale=scale,
            size_wh=size_wh,
        )
