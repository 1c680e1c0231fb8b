"""Our own face detector: boxes, landmarks, and from the same pass the state of each face.

Its bundle comes from `maskwatch.training.detector` and `.second_stage`. The network gives three
maps of 18 channels (score, box, three states, five landmarks) at strides 8, 16 and 32; only cells
that are sure enough are decoded. Where the bundle has a second stage, it looks at what was found
once more.
"""

from collections.abc import Sequence

import numpy as np

from maskwatch.boxes import nms
from maskwatch.errors import ModelInvalid
from maskwatch.images import fit, planes
from maskwatch.models.bundle import Bundle
from maskwatch.models.classifier import softmax
from maskwatch.models.detectors.anchors import suppressed
from maskwatch.models.detectors.second_stage import SecondLook
from maskwatch.models.runtime import Device, Network
from maskwatch.types import Boxes, Faces, Floats, Image, joined

STRIDES = (8, 16, 32)
CHANNELS = 1 + 4 + 3 + 10
LARGEST_LOG_SIDE = 6.0
_FIRST_IOU, _SECOND_IOU = 0.5, 0.3


class OnePass:
    """The one-pass detector of a bundle, in ONNX Runtime.

    Args:
        bundle: of kind `both`.
        long_side: pictures are scaled to this longer side, in pixels; None takes the bundle's.
        score: faces below it are dropped, 0..1; None takes the bundle's.
        iou: overlap above which the weaker of two boxes goes. None takes 0.5, and, once a second
            stage has judged them, 0.3: of two boxes that share a turned face, it knows the better.
        second_stage: whether the bundle's second stage, if it has one, judges the boxes. Its time
            grows with their number.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        long_side: int | None = None,
        score: float | None = None,
        iou: float | None = None,
        second_stage: bool = True,
        device: Device = "auto",
        threads: int = 0,
    ) -> None:
        if bundle.kind != "both":
            raise ModelInvalid(f"{bundle.folder} holds a {bundle.kind}, not a one-pass detector")
        self.bundle = bundle
        self._network = Network(bundle.model_path, device=device, threads=threads)
        if len(self._network.output_names) != len(STRIDES):
            raise ModelInvalid(
                f"{bundle.folder}: expected {len(STRIDES)} maps, got "
                f"{len(self._network.output_names)} outputs"
            )
        self._long_side = bundle.input.width if long_side is None else long_side
        spec = bundle.second_stage if second_stage else None
        self._second = None if spec is None else SecondLook(bundle, device=device, threads=threads)
        self.least_score = bundle.least_score if spec is None else spec.least_score
        self.score = self.least_score if score is None else score
        self._first_score = self.score if spec is None else min(self.score, spec.from_score)
        self._iou = _FIRST_IOU if iou is None else iou
        self._second_iou = _SECOND_IOU if iou is None else iou

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of each picture, best first, with the probabilities of their states."""
        return [self._detect_one(image) for image in images]

    def detect_twice(self, image: Image, lower: float) -> tuple[Faces, Faces]:
        """What `detect` returns for a picture, and what it would with `lower` for its score.

        Both cost one run of the first stage, and one look at each box.
        """
        first = self._first(image, min(lower, self._first_score))
        likely = first.scores >= self._first_score
        looked, more = self._looked(image, first[likely]), self._looked(image, first[~likely])
        return self._kept(looked, self.score), self._kept(joined([looked, more]), lower)

    def _detect_one(self, image: Image) -> Faces:
        faces = self._first(image, self._first_score)
        return self._kept(self._looked(image, faces), self.score)

    def _first(self, image: Image, score: float) -> Faces:
        """What the first stage finds."""
        small, scale = fit(image, self._long_side)
        height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in small.shape[:2])
        spec = self.bundle.input
        maps = self._network(
            planes([small], (width, height), colour=spec.colour, mean=spec.mean, std=spec.std)
        )
        boxes, scores, states, landmarks = decode(list(maps.values()), score)
        return suppressed(
            boxes,
            scores,
            landmarks,
            iou_limit=self._iou,
            scale=scale,
            size_wh=(image.shape[1], image.shape[0]),
            probabilities=softmax(states / self.bundle.temperature),
        )

    def _looked(self, image: Image, faces: Faces) -> Faces:
        """What the second stage, where there is one, makes of the first's faces."""
        return faces if self._second is None else self._second(image, faces)

    def _kept(self, faces: Faces, score: float) -> Faces:
        """Those that are sure enough, best first; the second stage moves boxes onto each other."""
        faces = faces[faces.scores >= score]
        if self._second is None:
            return faces
        return faces[nms(faces.boxes, faces.scores, self._second_iou)]


def decode(maps: Sequence[Floats], score_limit: float) -> tuple[Boxes, Floats, Floats, Floats]:
    """Boxes (n, 4), scores (n,), logits of the states (n, 3) and landmarks (n, 5, 2).

    Boxes and landmarks are in pixels of the input. A score is the root of what the network says, as
    YuNet's is of its two: it says how well a cell should do, and small faces never do very well.

    Args:
        maps: shapes (1, 18, h / stride, w / stride), strides 8, 16 and 32.
        score_limit: cells below it are left out, 0..1.
    """
    # Compared as logits, so that the few cells that pass are the only ones that are decoded.
    limit = np.clip(score_limit**2, 1e-6, 1 - 1e-6)
    least = np.log(limit / (1 - limit))
    parts = []
    for level, stride in zip(maps, STRIDES, strict=True):
        table = level[0].reshape(CHANNELS, -1)
        cells = np.flatnonzero(table[0] >= least)
        rows = table[:, cells]
        corner = np.stack([cells % level.shape[3], cells // level.shape[3]])
        centre = (corner + rows[1:3] + 0.5) * stride
        half = np.exp(np.minimum(rows[3:5], LARGEST_LOG_SIDE)) * (stride / 2)
        sides = np.tile(2 * half, (5, 1))
        points = np.tile((corner + 0.5) * stride, (5, 1)) + rows[8:] * sides
        parts.append(np.concatenate([centre - half, centre + half, rows[:1], rows[5:8], points]))
    table = np.concatenate(parts, axis=1).T.astype(np.float32)
    scores = np.sqrt(1 / (1 + np.exp(-table[:, 4])))
    return table[:, :4], scores, table[:, 5:8], table[:, 8:].reshape(-1, 5, 2)
