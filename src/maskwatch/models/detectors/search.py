"""What is done around every detector: faces that fill the picture, and the smallest face."""

from collections.abc import Sequence

import numpy as np

from maskwatch.boxes import clip, short_side
from maskwatch.types import FaceDetector, Faces, Image


def search(
    detector: FaceDetector, images: Sequence[Image], *, min_face: float = 0.0, tight: bool = False
) -> list[Faces]:
    """The faces of each picture with a shorter side of at least `min_face` pixels.

    Args:
        tight: where nothing is found, look once more with a border around the picture: detectors
            have rarely seen a face that fills it.
    """
    found = detector.detect(images)
    if tight:
        found = [
            faces if len(faces) else _search_bordered(detector, image)
            for image, faces in zip(images, found, strict=True)
        ]
    return [faces[short_side(faces.boxes) >= min_face] if min_face else faces for faces in found]


def _search_bordered(detector: FaceDetector, image: Image) -> Faces:
    height, width = image.shape[:2]
    border = max(height, width) // 2
    grey = np.full((height + 2 * border, width + 2 * border, 3), 127, np.uint8)
    grey[border : border + height, border : border + width] = image
    faces = detector.detect([grey])[0]
    landmarks = None if faces.landmarks is None else faces.landmarks - border
    boxes = clip(faces.boxes - np.float32(border), width, height)
    moved = Faces.found(boxes, faces.scores, landmarks)
    return moved[short_side(boxes) > 0]
