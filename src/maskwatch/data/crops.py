"""Faces cut out of labelled pictures, wide enough to move, turn and scale them while training."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import iou, short_side, squares
from maskwatch.data.labelled import LabelledPicture
from maskwatch.errors import SourceError
from maskwatch.images import decode, warp_crops
from maskwatch.types import CLASSES, Boxes, FaceDetector, Faces, Floats, Image, MaskState

CROP_SIDE = 256
CROP_MARGIN = 0.7
_SAME_FACE_IOU = 0.4
_PARTS = 16


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrops:
    """Cut faces as a struct of arrays.

    `images` (n, 256, 256, 3) RGB; `boxes` (n, 2, 4) in pixels of the crop: the labelled box and
    the detector's (twice the same where there is one only); `landmarks` (n, 5, 2), NaN where the
    detector found none; `labels` (n,) indices of `CLASSES`; `sources` (n,) indices of the sets;
    `held_out` (n,) whether the picture serves for choosing, not for fitting; `names` (n,) the
    pictures' file names; `places` (n, 4) the labelled boxes in pixels of their pictures.
    """

    images: NDArray[np.uint8]
    boxes: Floats
    landmarks: Floats
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]
    held_out: NDArray[np.bool_]
    names: NDArray[np.str_]
    places: Floats

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: NDArray[np.generic]) -> "FaceCrops":
        return FaceCrops(*(getattr(self, field.name)[rows] for field in fields(self)))

    def save(self, path: Path) -> None:
        """Write all arrays into one .npz."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "FaceCrops":
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(*(arrays[field.name] for field in fields(cls)))


def cut_faces(
    sets: Iterable[Iterable[LabelledPicture]], detector: FaceDetector, *, min_side: float = 10.0
) -> FaceCrops:
    """The labelled faces of several sets, with the detector's view of each.

    About every sixteenth picture, chosen by its file name, is held out with all its faces.

    Args:
        sets: one iterable of pictures a source.
        detector: gives second boxes and landmarks, and the face where only the picture is labelled.
        min_side: faces with a shorter side, in pixels, are left out; so are those whose state
            is unknown.

    Raises:
        SourceError: nothing could be read.
    """
    rows: list[tuple[object, ...]] = []
    with ThreadPoolExecutor(2) as pool:
        for source, pictures in enumerate(sets):
            for faces in pool.map(lambda p: list(_faces_of(p, detector, min_side)), pictures):
                rows.extend((*face[:4], source, *face[4:]) for face in faces)
    if not rows:
        raise SourceError("no labelled face could be read")
    return FaceCrops(*(np.array(column) for column in zip(*rows, strict=True)))


def _faces_of(
    picture: LabelledPicture, detector: FaceDetector, min_side: float
) -> Iterator[tuple[Image, Floats, Floats, int, bool, str, Floats]]:
    image = decode(picture.path)
    found = detector.detect([image])[0]
    boxes = _whole_picture_face(image, found) if picture.boxes is None else picture.boxes
    held_out = is_held_out(picture.path.name)
    overlaps = iou(boxes, found.boxes) if len(found) else np.zeros((len(boxes), 0))
    for box, state, overlap, side in zip(
        boxes, picture.states, overlaps, short_side(boxes), strict=True
    ):
        if side < min_side or state is MaskState.UNKNOWN:
            continue
        second, landmarks = box, np.full((5, 2), np.nan, np.float32)
        if overlap.size and overlap.max() >= _SAME_FACE_IOU:
            match = int(overlap.argmax())
            second = found.boxes[match]
            if found.landmarks is not None:
                landmarks = found.landmarks[match]
        square = squares(box[None], CROP_MARGIN)
        crop = warp_crops(image, square, CROP_SIDE)[0]
        zoom = CROP_SIDE / (square[0, 2] - square[0, 0])
        corner = square[0, :2]
        pair = (np.stack([box, second]).reshape(2, 2, 2) - corner) * zoom
        label = CLASSES.index(state)
        pair = pair.reshape(2, 4)
        yield crop, pair, (landmarks - corner) * zoom, label, held_out, picture.path.name, box


def is_held_out(name: str) -> bool:
    """Whether a picture of that file name serves for choosing, not for fitting."""
    return crc32(name.encode()) % _PARTS == 0


def _whole_picture_face(image: Image, found: Faces) -> Boxes:
    """The largest face found, or else the whole picture, shape (1, 4)."""
    if len(found):
        return found.boxes[[int(np.argmax(short_side(found.boxes)))]]
    return np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32)
