"""Other people before a face: the back of a head, a shoulder, cut from another picture."""

import cv2
import numpy as np

from maskwatch.data.drawing.face import FaceFrame, blend, coverage, ellipse
from maskwatch.types import Floats, Image

_LOWEST = 1.45
_HAIR, _CLOTHES = (0.12, 0.29), (0.78, 0.98)
_ACROSS = (0.34, 0.66)


def stand_before(
    image: Image, landmarks: Floats, other: Image, rng: np.random.Generator, highest: float
) -> Image:
    """A copy of the picture with somebody's hair or clothes before the lower part of a face.

    Args:
        image: RGB, shape (h, w, 3).
        landmarks: shape (5, 2) in pixels: eyes, nose, corners of the mouth.
        other: another face in the middle of its surroundings, RGB, shape (h, w, 3), as
            `maskwatch.data.crops` cuts faces.
        rng: chooses how much is covered, and by which part of the other picture.
        highest: where the cover may begin, in face coordinates: 0 at the eyes, 1 at the mouth.
    """
    face = FaceFrame(landmarks)
    top, across = rng.uniform(highest, _LOWEST), rng.uniform(1.8, 3.6)
    tall = across * rng.uniform(0.5, 0.7)
    head = ellipse(rng.normal(0, 0.9), top + tall, across, tall, rng.normal(0, 8))
    cover = coverage(image, face.points(head), face.unit * rng.uniform(0.02, 0.06))
    out = image.astype(np.float32)
    blend(out, _part_of(other, image.shape, rng), cover)
    return np.clip(out, 0, 255).astype(np.uint8)


def _part_of(other: Image, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Hair or clothes, from above or below a face, enlarged to a whole picture."""
    first, last = _HAIR if rng.random() < 0.6 else _CLOTHES
    height, width = other.shape[:2]
    rows = slice(round(first * height), round(last * height))
    part = other[rows, round(_ACROSS[0] * width) : round(_ACROSS[1] * width)]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    return np.asarray(cv2.resize(part, (shape[1], shape[0])), np.float32)
