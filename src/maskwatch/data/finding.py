"""The faces of a labelled picture: those that its boxes name, or what a detector finds."""

from dataclasses import dataclass

import numpy as np

from maskwatch.boxes import clip, short_side
from maskwatch.data.choices import Which, Without
from maskwatch.data.labelled import LabelledPicture
from maskwatch.models.detectors.search import search
from maskwatch.types import Boxes, FaceDetector, Image, MaskState

_NONE = np.zeros((0, 4), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How faces are found; those with a shorter side below `min_face` pixels are left out.

    Where `look` is false, pictures without boxes are faces as they are.
    """

    look: bool = True
    which: Which = Which.LARGEST
    without: Without = Without.SKIP
    min_face: float = 0.0
    tiles: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class FoundFaces:
    """The faces of one picture: boxes (n, 4), the state of each (None where the picture has none),
    and how they were known (`label`, `detector`, `whole picture`)."""

    boxes: Boxes
    states: tuple[MaskState | None, ...]
    known_by: str


def faces_of(
    picture: LabelledPicture, image: Image, detector: FaceDetector, how: Finding
) -> FoundFaces:
    """Labelled boxes as they are, clipped; in a picture without, the detector looks for faces, and
    each has the picture's state.

    Args:
        picture: its labels.
        image: its pixels.
        detector: for pictures without boxes.
        how: which faces are taken, and what becomes of a picture without one.
    """
    height, width = image.shape[:2]
    if picture.boxes is not None:
        boxes = clip(picture.boxes, width, height)
        large = short_side(boxes) >= max(1.0, how.min_face)
        states = tuple(s for s, keep in zip(picture.states, large, strict=True) if keep)
        return FoundFaces(boxes[large], states, "label")
    boxes, known_by = _looked_for(image, detector, how) if how.look else _NONE, "detector"
    if not len(boxes) and (how.without is Without.WHOLE or not how.look):
        boxes, known_by = np.array([[0, 0, width, height]], np.float32), "whole picture"
    state = picture.states[0] if picture.states else None
    return FoundFaces(boxes, (state,) * len(boxes), known_by)


def _looked_for(image: Image, detector: FaceDetector, how: Finding) -> Boxes:
    boxes = search(detector, [image], min_face=how.min_face, tight=True, tiles=how.tiles)[0].boxes
    if len(boxes) and how.which is Which.LARGEST:
        return boxes[[int(short_side(boxes).argmax())]]
    return boxes
