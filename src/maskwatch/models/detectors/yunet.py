"""YuNet (Wu, Peng, Yu 2023): tiny, anchor-free, with five landmarks.

The published file has a fixed input of 640x640; `free_size` lets it take any.
Decoding follows OpenCV's FaceDetectorYN, which the tests compare it with.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from maskwatch.errors import ModelInvalid
from maskwatch.images import fit, planes
from maskwatch.models.detectors.anchors import cells, suppressed
from maskwatch.models.runtime import Device, Network
from maskwatch.types import Boxes, Faces, Floats, Image

STRIDES = (8, 16, 32)
_DIM_640 = b"\x0a\x03\x08\x80\x05"


class YuNet:
    """YuNet in ONNX Runtime.

    Args:
        weights: `face_detection_yunet_2023mar.onnx`.
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
        iou: float = 0.45,
        device: Device = "auto",
        threads: int = 0,
    ) -> None:
        self._network = Network(free_size(weights.read_bytes()), device=device, threads=threads)
        if "cls_8" not in self._network.output_names:
            raise ModelInvalid(f"{weights} is not YuNet: it has no output cls_8")
        self._long_side, self.score, self._iou = long_side, score, iou

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of each picture, best first, with landmarks."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        small, scale = fit(image, self._long_side)
        height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in small.shape[:2])
        outputs = self._network(planes([small], (width, height), colour="bgr"))
        boxes, scores, landmarks = decode(outputs, width, height, self.score)
        size_wh = image.shape[1], image.shape[0]
        return suppressed(
            boxes, scores, landmarks, iou_limit=self._iou, scale=scale, size_wh=size_wh
        )


def free_size(model: bytes) -> bytes:
    """The ONNX file with its input height and width of 640 made free.

    In the file a dimension of 640 takes as many bytes (`08 80 05`, a number) as one named by a
    letter (`12 01 68`, the word "h"), so the change needs no ONNX library and moves nothing.
    """
    return model.replace(2 * _DIM_640, b"\x0a\x03\x12\x01h\x0a\x03\x12\x01w")


def decode(
    outputs: dict[str, Floats], width: int, height: int, score_limit: float
) -> tuple[Boxes, Floats, Floats]:
    """Boxes (n, 4), scores (n,) and landmarks (n, 5, 2) in pixels of the network's input."""
    parts = []
    for stride in STRIDES:
        presence = np.clip(outputs[f"cls_{stride}"][0, :, 0], 0, 1)
        quality = np.clip(outputs[f"obj_{stride}"][0, :, 0], 0, 1)
        scores = np.sqrt(presence * quality)
        rows = np.flatnonzero(scores >= score_limit)
        cell = cells(height, width, stride)[rows]
        box = outputs[f"bbox_{stride}"][0, rows]
        centre, half = (cell + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride / 2
        points = outputs[f"kps_{stride}"][0, rows].reshape(-1, 5, 2)
        landmarks = (points + cell[:, None]) * stride
        parts.append((np.hstack([centre - half, centre + half]), scores[rows], landmarks))
    boxes, all_scores, all_landmarks = (np.concatenate(group) for group in zip(*parts, strict=True))
    return boxes, all_scores, all_landmarks
