"""RetinaFace with MobileNet 0.25 (Deng et al. 2019), priors as in the paper's PyTorch code."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from maskwatch.errors import ModelInvalid
from maskwatch.images import fit, planes
from maskwatch.models.detectors.anchors import cells, suppressed
from maskwatch.models.runtime import Device, Network
from maskwatch.types import Boxes, Faces, Floats, Image

PRIOR_SIDES = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
_MEAN_BGR = (104.0, 117.0, 123.0)
_ALIGN = 32


class RetinaFace:
    """RetinaFace in ONNX Runtime: outputs boxes, classes and landmarks, in that order.

    Args:
        weights: the ONNX file.
        long_side: pictures are scaled to this longer side, in pixels.
        score: faces below it are dropped, 0..1.
        iou: overlap above which the weaker of two boxes goes.
    """

    def __init__(
        self,
        weights: Path,
        *,
        long_side: int = 640,
        score: float = 0.6,
        iou: float = 0.4,
        device: Device = "auto",
        threads: int = 0,
    ) -> None:
        self._network = Network(weights, device=device, threads=threads)
        if len(self._network.output_names) != 3:
            raise ModelInvalid(
                f"{weights} is not RetinaFace: expected 3 outputs (boxes, classes, landmarks), "
                f"got {len(self._network.output_names)}"
            )
        self._long_side, self.score, self._iou = long_side, score, iou

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of each picture, best first, with landmarks."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        small, scale = fit(image, self._long_side)
        height, width = (-(-side // _ALIGN) * _ALIGN for side in small.shape[:2])
        batch = planes([small], (width, height), colour="bgr", mean=_MEAN_BGR)
        offsets, classes, points = self._network(batch).values()
        rows = np.flatnonzero(classes[0, :, 1] >= self.score)
        anchors = priors(height, width)[rows]
        return suppressed(
            decode_boxes(offsets[0, rows], anchors),
            classes[0, rows, 1],
            decode_points(points[0, rows], anchors),
            iou_limit=self._iou,
            scale=scale,
            size_wh=(image.shape[1], image.shape[0]),
        )


def priors(height: int, width: int) -> Floats:
    """The prior boxes of an input, shape (n, 3): centre x, centre y and side in pixels."""
    groups = []
    for stride, sides in PRIOR_SIDES.items():
        centres = (cells(height, width, stride) + 0.5) * stride
        each = [np.insert(centres, 2, side, axis=1) for side in sides]
        groups.append(np.stack(each, axis=1).reshape(-1, 3))
    return np.concatenate(groups).astype(np.float32)


def decode_boxes(offsets: Floats, anchors: Floats) -> Boxes:
    """Boxes (n, 4) in pixels from the network's offsets (n, 4) to priors (n, 3)."""
    side = anchors[:, 2:]
    centre = anchors[:, :2] + offsets[:, :2] * CENTRE_VARIANCE * side
    half = side * np.exp(offsets[:, 2:] * SIZE_VARIANCE) / 2
    return np.hstack([centre - half, centre + half])


def decode_points(offsets: Floats, anchors: Floats) -> Floats:
    """Landmarks (n, 5, 2) in pixels from offsets (n, 10) to priors (n, 3)."""
    side = anchors[:, None, 2:]
    return np.asarray(
        anchors[:, None, :2] + offsets.reshape(-1, 5, 2) * CENTRE_VARIANCE * side, np.float32
    )
