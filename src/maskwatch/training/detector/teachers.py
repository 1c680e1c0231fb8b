"""What several detectors at several sizes say together of the faces in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maskwatch.boxes import iou
from maskwatch.data.drawing import mirrored
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.types import Boxes, FaceDetector, Floats, Image

_LOWEST_SCORE = 0.1
_SAME_FACE_IOU = 0.45
_GREY = 127


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Faces that teachers see: `boxes` (n, 4), `votes` (n, families), `landmarks` (n, 5, 2).

    A vote is the mean score over a family's runs, 0 for each run that missed the face; landmarks
    are NaN where no teacher gave any.
    """

    boxes: Boxes
    votes: Floats
    landmarks: Floats


@dataclass(frozen=True, slots=True)
class Look:
    """One run: a family of teachers, the longer side in pixels, mirrored or not."""

    family: int
    long_side: int
    mirrored: bool = False


FAMILIES = ("yunet", "retinaface")
SCENE_LOOKS = (
    Look(0, 640),
    Look(0, 640, mirrored=True),
    Look(0, 1120),
    Look(0, 1120, mirrored=True),
    Look(1, 640),
    Look(1, 1120),
)
"""For photos of scenes, with faces of all sizes."""
PORTRAIT_LOOKS = (Look(0, 320), Look(0, 512, mirrored=True), Look(1, 320), Look(1, 512))
"""For pictures that one face may fill."""


class Teachers:
    """YuNet and RetinaFace, looked at the same picture in several ways.

    Args:
        looks: the runs.
        border: what is put around each picture, in parts of its longer side: teachers have rarely
            seen a face that fills the picture.
    """

    def __init__(self, looks: Sequence[Look], *, border: float = 0.0, threads: int = 1) -> None:
        self._border = border
        self._runs: list[tuple[Look, FaceDetector]] = []
        for look in looks:
            options = DetectorOptions(
                long_side=look.long_side, score=_LOWEST_SCORE, threads=threads, device="cpu"
            )
            self._runs.append((look, open_detector(FAMILIES[look.family], options)))

    def __call__(self, image: Image) -> Votes:
        """The faces that any teacher sees, merged over all runs."""
        height, width = image.shape[:2]
        border = round(self._border * max(height, width))
        padded = np.full((height + 2 * border, width + 2 * border, 3), _GREY, np.uint8)
        padded[border : border + height, border : border + width] = image
        mirror = np.ascontiguousarray(padded[:, ::-1])
        parts = []
        for run, (look, detector) in enumerate(self._runs):
            faces = detector.detect([mirror if look.mirrored else padded])[0]
            boxes, points = faces.boxes, faces.landmarks
            if points is None:
                points = np.full((len(faces), 5, 2), np.nan, np.float32)
            if look.mirrored:
                boxes = mirrored_boxes(boxes, padded.shape[1])
                points = mirrored_landmarks(points, padded.shape[1])
            parts.append((boxes - border, faces.scores, points - border, np.full(len(faces), run)))
        boxes, scores, points, runs = (np.concatenate(part) for part in zip(*parts, strict=True))
        return merged(boxes, scores, points, runs, [look.family for look, _ in self._runs])


def mirrored_boxes(boxes_xyxy: Boxes, width: float) -> Boxes:
    """The boxes in the picture's mirror image."""
    out = boxes_xyxy.copy()
    out[:, [0, 2]] = width - boxes_xyxy[:, [2, 0]]
    return out


def mirrored_landmarks(landmarks: Floats, width: float) -> Floats:
    """The landmarks (n, 5, 2) in the mirror image: left and right change their places."""
    out = mirrored(landmarks)
    out[..., 0] = width - out[..., 0]
    return out


def merged(
    boxes: Boxes, scores: Floats, landmarks: Floats, runs: Floats, families: Sequence[int]
) -> Votes:
    """Boxes of all runs that overlap become one: the mean weighted by score (Solovyev 2021).

    Args:
        boxes: shape (m, 4), of all runs one after the other.
        scores: shape (m,).
        landmarks: shape (m, 5, 2).
        runs: shape (m,), the run that each box comes from.
        families: of each run.
    """
    left = np.argsort(-scores, kind="stable")
    of_family = np.array(families)
    faces: list[tuple[Floats, Floats, Floats]] = []
    while left.size:
        same = iou(boxes[left[:1]], boxes[left])[0] >= _SAME_FACE_IOU
        same[0] = True
        members, left = left[same], left[~same]
        weights = scores[members, None] / scores[members].sum()
        best = np.zeros(len(families), np.float32)
        np.maximum.at(best, runs[members].astype(int), scores[members])
        votes = [best[of_family == family].mean() for family in range(len(FAMILIES))]
        box = (boxes[members] * weights).sum(axis=0)
        faces.append((box, np.array(votes), landmarks[members[0]]))
    if not faces:
        return Votes(*(np.zeros(s, np.float32) for s in ((0, 4), (0, len(FAMILIES)), (0, 5, 2))))
    return Votes(*(np.array(part, np.float32) for part in zip(*faces, strict=True)))
