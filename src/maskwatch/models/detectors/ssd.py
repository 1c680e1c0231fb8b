"""The res10 SSD of OpenCV's samples, as the classic projects use it."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from maskwatch.errors import MissingExtra, ModelInvalid, ModelNotFound
from maskwatch.images import to_bgr
from maskwatch.models.detectors.anchors import suppressed
from maskwatch.types import Faces, Image

_MEAN_BGR = (104.0, 177.0, 123.0)


class Res10SSD:
    """res10 SSD in OpenCV's DNN module; needs OpenCV 4.

    Args:
        weights: the .caffemodel; its .prototxt lies beside it (same name, or deploy.prototxt).
        long_side: the square input that pictures are squashed to: 300 as trained; projects also
            use 224 and 400.
        score: faces below it are dropped, 0..1.
        iou: overlap above which the weaker of two boxes goes.
    """

    def __init__(
        self, weights: Path, *, long_side: int = 300, score: float = 0.5, iou: float = 0.45
    ) -> None:
        if not hasattr(cv2.dnn, "readNetFromCaffe"):
            raise MissingExtra(
                "the detector ssd needs OpenCV 4's Caffe importer: pip install 'maskwatch[classic]'"
            )
        try:
            self._network = cv2.dnn.readNetFromCaffe(str(_prototxt_of(weights)), str(weights))
        except cv2.error as error:
            raise ModelInvalid(f"{weights} is not a Caffe model: {error.err}") from error
        self._side, self.score, self._iou = long_side, score, iou

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of each picture, best first."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        blob = cv2.dnn.blobFromImage(to_bgr(image), 1.0, (self._side, self._side), _MEAN_BGR)
        self._network.setInput(blob)
        rows = self._network.forward()[0, 0]
        rows = rows[rows[:, 2] >= self.score]
        height, width = image.shape[:2]
        boxes = (rows[:, 3:7] * np.array([width, height, width, height])).astype(np.float32)
        return suppressed(
            boxes, rows[:, 2], None, iou_limit=self._iou, scale=1.0, size_wh=(width, height)
        )


def _prototxt_of(weights: Path) -> Path:
    for path in (weights.with_suffix(".prototxt"), weights.with_name("deploy.prototxt")):
        if path.is_file():
            return path
    raise ModelNotFound(
        f"expected {weights.with_suffix('.prototxt').name} or deploy.prototxt beside {weights}"
    )
