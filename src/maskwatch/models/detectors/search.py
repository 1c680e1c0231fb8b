"""What is done around every detector: faces that fill the picture, and the smallest face."""

from collections.abc import Sequence

import numpy as np

from maskwatch.boxes import clip, short_side
from maskwatch.images import fit
from maskwatch.types import FaceDetector, Faces, Image

_BORDERED_SIDE = 640
_LEAST_SIDE = 0.5


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
    # A box that lies outside of the picture has no area left.
    return [faces[short_side(faces.boxes) >= max(min_face, _LEAST_SIDE)] for faces in found]


def _search_bordered(detector: FaceDetector, image: Image) -> Faces:
    # Shrunk first: a border around a panorama at its full size would take gigabytes.
    small, scale = fit(image, min(_BORDERED_SIDE, max(image.shape[:2])))
    height, width = small.shape[:2]
    border = max(height, width) // 2
    grey = np.full((height + 2 * border, width + 2 * border, 3), 127, np.uint8)
    grey[border : border + height, border : border + width] = small
    faces = detector.detect([grey])[0]
    landmarks = None if faces.landmarks is None else (faces.landmarks - border) / np.float32(scale)
    boxes = (faces.boxes - np.float32(border)) / np.float32(scale)
    return Faces.found(clip(boxes, image.shape[1], image.shape[0]), faces.scores, landmarks)
