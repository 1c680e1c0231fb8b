"""Pictures of alerts in which nobody can be known."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import clip
from maskwatch.draw import annotate, blur
from maskwatch.errors import MaskwatchError, SinkError
from maskwatch.events import Alert
from maskwatch.images import encode
from maskwatch.models.detectors import SHIPPED_DETECTOR, DetectorOptions, open_detector
from maskwatch.types import Boxes, FaceDetector, Faces, Floats, Image, Result

SNAPSHOT = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{32}\.jpg")
"""The name of a file: when its alert began, and the alert's number."""
_SCORE, _SURE, _LONG_SIDE = 0.2, 0.6, 1280
_ROUNDS = 4
_COVERED = 0.6


class Snapshots:
    """Saves the frame of an alert, every face in it blurred beyond repair.

    Detectors look with a low threshold, and again at the blurred picture until they find nothing
    that is not blurred; a picture in which that does not end is not kept.
    """

    def __init__(self, folder: Path, detectors: tuple[FaceDetector, ...] | None = None) -> None:
        self._folder = folder
        self._detectors = detectors or _two_detectors()

    def save(self, result: Result, faces: Faces, alert: Alert) -> Path | None:
        """Save the frame with the boxes of `faces` around blurred faces; None if it cannot be.

        Raises:
            SinkError: the file cannot be written.
        """
        if result.image is None:
            return None
        known = np.concatenate([result.faces.boxes, result.dropped])
        safe = self.unrecognisable(result.image, known)
        if safe is None:
            return None
        when = datetime.fromtimestamp(alert.time, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self._folder / f"{when}-{alert.id}.jpg"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            encode(annotate(safe, faces), path)
            path.chmod(0o600)
        except OSError as error:
            raise SinkError(f"cannot write the snapshot {path}: {error.strerror}") from error
        return path

    def unrecognisable(self, image: Image, boxes_xyxy: Boxes) -> Image | None:
        """A copy with these and all other faces blurred, None where there is no end to them."""
        height, width = image.shape[:2]
        covered = np.zeros((height, width), bool)
        blurred, left = image, np.concatenate([boxes_xyxy, self._found(image, _SCORE)])
        for _ in range(_ROUNDS):
            blurred = blur(blurred, left)
            for x1, y1, x2, y2 in clip(left, width, height).astype(int):
                covered[y1:y2, x1:x2] = True
            left = clip(self._found(blurred, _SURE), width, height)
            left = left[[not _is_covered(covered, box) for box in left]]
            if not len(left):
                return blurred
        return None

    def _found(self, image: Image, score: float) -> Boxes:
        found = [detector.detect([image])[0] for detector in self._detectors]
        return np.concatenate([faces.boxes[faces.scores >= score] for faces in found])


def _is_covered(covered: NDArray[np.bool_], box: Floats) -> bool:
    """Whether so much of a box is blurred that the face in it is."""
    x1, y1, x2, y2 = (int(value) for value in box)
    inside = covered[y1:y2, x1:x2]
    return not inside.size or float(inside.mean()) >= _COVERED


def _two_detectors() -> tuple[FaceDetector, ...]:
    """Ours, and YuNet where its file is: what one overlooks the other may see."""
    # The first stage alone: here a hand that is blurred costs less than a face that is not.
    options = DetectorOptions(score=_SCORE, long_side=_LONG_SIDE, second_stage=False, threads=1)
    ours = open_detector(SHIPPED_DETECTOR, options)
    try:
        return ours, open_detector("yunet", options)
    except MaskwatchError:
        return (ours,)
