"""What is done around every detector: tiles, faces that fill the picture, the smallest face."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from maskwatch.boxes import clip, nms, short_side
from maskwatch.images import fit
from maskwatch.types import FaceDetector, Faces, Image, joined

_BORDERED_SIDE = 640
_LEAST_SIDE = 0.5
_OVERLAP = 0.25
_AT_EDGE = 0.01
_LEAST_TILE = 32
_SAME_FACE_IOU = 0.5


def search(
    detector: FaceDetector,
    images: Sequence[Image],
    *,
    min_face: float = 0.0,
    tight: bool = False,
    tiles: int = 1,
) -> list[Faces]:
    """The faces of each picture with a shorter side of at least `min_face` pixels.

    Args:
        tight: where nothing is found, look once more with a border around the picture: detectors
            have rarely seen a face that fills it.
        tiles: above 1, each picture is looked at once more in tiles x tiles overlapping parts,
            unless they would be smaller than 32 pixels.
    """
    found = detector.detect(images)
    if tiles > 1:
        found = [
            _with_tiles(detector, image, faces, tiles)
            for image, faces in zip(images, found, strict=True)
        ]
    if tight:
        found = [
            faces if len(faces) else _search_bordered(detector, image)
            for image, faces in zip(images, found, strict=True)
        ]
    # A box that lies outside of the picture has no area left.
    return [faces[short_side(faces.boxes) >= max(min_face, _LEAST_SIDE)] for faces in found]


def _with_tiles(detector: FaceDetector, image: Image, whole: Faces, tiles: int) -> Faces:
    """The faces of a picture and of its tiles, each once."""
    parts = [whole]
    if min(image.shape[:2]) < tiles * _LEAST_TILE:
        return whole
    for x1, y1, x2, y2 in _tiles_of(image.shape[1], image.shape[0], tiles):
        faces = detector.detect([np.ascontiguousarray(image[y1:y2, x1:x2])])[0]
        # A face that a tile's edge cuts lies whole in the next tile, or is large enough for the
        # whole picture.
        edges = np.array([x1, y1, x2, y2], np.float32)
        outer = np.array([0, 0, image.shape[1], image.shape[0]], np.float32)
        boxes = faces.boxes + np.tile(edges[:2], 2)
        near = max(2.0, _AT_EDGE * max(x2 - x1, y2 - y1))
        cut = ((np.abs(boxes - edges) < near) & (edges != outer)).any(axis=1)
        points = None if faces.landmarks is None else faces.landmarks + edges[:2]
        parts.append(replace(faces, boxes=boxes, landmarks=points)[~cut])
    faces = joined([part for part in parts if len(part)] or [whole])
    return faces[nms(faces.boxes, faces.scores, _SAME_FACE_IOU)]


def _tiles_of(width: int, height: int, tiles: int) -> Iterator[tuple[int, int, int, int]]:
    """As many boxes a side as there are `tiles`, which overlap by a part of their sides."""
    columns, rows = (_spans(length, tiles) for length in (width, height))
    yield from ((x1, y1, x2, y2) for y1, y2 in rows for x1, x2 in columns)


def _spans(length: int, tiles: int) -> list[tuple[int, int]]:
    size = min(length, round(length / (tiles - (tiles - 1) * _OVERLAP)))
    starts = np.linspace(0, length - size, tiles).round().astype(int)
    return [(int(start), int(start) + size) for start in starts]


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
    inside = clip(boxes, image.shape[1], image.shape[0])
    return replace(faces, boxes=inside, landmarks=landmarks)
