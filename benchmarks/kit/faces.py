"""The labelled faces of a set, in one fixed order, and sheets of them to look at."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import short_side, squares
from maskwatch.data.corrections import corrected, read_corrections
from maskwatch.data.formats import read_coco
from maskwatch.data.labelled import LabelledPicture
from maskwatch.images import decode, encode, warp_crops
from maskwatch.types import CLASSES, Boxes, Image, MaskState

SMALLEST_SIDE_PX = 12
CANNOT_TELL = -1


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Faces of 12 pixels and more: `paths` a face, `boxes` (n, 4), `labels` (n,), `groups` (n,)."""

    paths: tuple[Path, ...]
    boxes: Boxes
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: NDArray[np.generic]) -> "LabelledFaces":
        numbers = np.arange(len(self))[rows]
        paths = tuple(self.paths[i] for i in numbers)
        return LabelledFaces(paths, self.boxes[rows], self.labels[rows], self.groups[rows])

    def by_picture(self) -> Iterator[tuple[Path, NDArray[np.intp]]]:
        """Each picture with the rows of its faces, in order."""
        for group in dict.fromkeys(self.groups.tolist()):
            rows = np.flatnonzero(self.groups == group)
            yield self.paths[rows[0]], rows

    @property
    def sides(self) -> NDArray[np.float32]:
        """The short side of each box in pixels, shape (n,)."""
        return short_side(self.boxes)


def read_faces(folder: Path, corrections: Path | None = None) -> LabelledFaces:
    """The faces of a COCO folder, picture by picture, as `benchmarks/accuracy.py` measures them.

    With corrections, the label of a face that nobody can tell is `CANNOT_TELL`.
    """
    pictures: Iterable[LabelledPicture] = read_coco(folder).pictures
    if corrections is not None:
        pictures = corrected(pictures, read_corrections(corrections))
    paths, boxes, labels, groups = [], [], [], []
    for number, picture in enumerate(pictures):
        if picture.boxes is None or not len(picture.boxes):
            continue
        for box, state in zip(picture.boxes, picture.states, strict=True):
            if short_side(box[None])[0] >= SMALLEST_SIDE_PX:
                paths.append(picture.path)
                boxes.append(box)
                told = state is not MaskState.UNKNOWN
                labels.append(CLASSES.index(state) if told else CANNOT_TELL)
                groups.append(number)
    return LabelledFaces(tuple(paths), np.array(boxes), np.array(labels), np.array(groups))


def tiles(faces: LabelledFaces, rows: Sequence[int], side: int, margin: float) -> list[Image]:
    """A square picture of each face, its box outlined thinly."""
    out = []
    for row in rows:
        square = squares(faces.boxes[row][None], margin)
        tile = warp_crops(decode(faces.paths[row]), square, side)[0]
        zoom = side / float(square[0, 2] - square[0, 0])
        corners = ((faces.boxes[row].reshape(2, 2) - square[0, :2]) * zoom).round().astype(int)
        (x1, y1), (x2, y2) = corners.tolist()
        cv2.rectangle(tile, (x1, y1), (x2, y2), (255, 255, 0), 1)
        out.append(tile)
    return out


def write_sheet(pictures: Sequence[Image], titles: Sequence[str], columns: int, to: Path) -> None:
    """One PNG of equal square pictures with a title over each."""
    side, bar = pictures[0].shape[0], 22
    lines = -(-len(pictures) // columns)
    sheet = np.full((lines * (side + bar), columns * (side + 4), 3), 255, np.uint8)
    for i, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        y, x = i // columns * (side + bar), i % columns * (side + 4)
        sheet[y + bar : y + bar + side, x : x + side] = picture
        cv2.putText(sheet, title, (x + 3, y + 16), 0, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    encode(sheet, to)
