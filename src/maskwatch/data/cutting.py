"""Faces cut out of a set's pictures, or of any photos, into folders to learn from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskwatch.data.finding import Finding, faces_of
from maskwatch.data.labelled import LabelledPicture
from maskwatch.errors import MaskwatchError, UsageError
from maskwatch.images import cut, decode, encode
from maskwatch.types import Boxes, FaceDetector, MaskState

LISTING_FIELDS = ("file", "picture", "box_x1", "box_y1", "box_x2", "box_y2", "state", "known_by")
Offsets = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How faces are found and cut out.

    `offsets` are how far crops reach beyond the box to the left, top, right and bottom, in parts of
    its sides.
    """

    finding: Finding = Finding()
    offsets: Offsets = (0.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if min(self.offsets) < -0.45 or max(self.offsets) > 10:
            raise UsageError(f"--crop-margin must lie between -0.45 and 10, got {self.offsets}")


@dataclass(frozen=True, slots=True)
class CutFace:
    """A crop that was written: its file, the picture, the face's box and state, and how it was
    known (`label`, `detector`, `whole picture`)."""

    file: Path
    picture: Path
    box: tuple[float, float, float, float]
    state: MaskState | None
    known_by: str


@dataclass(frozen=True, slots=True)
class Cut:
    """What became of one picture: the faces that were written, or why it could not be read."""

    picture: Path
    faces: tuple[CutFace, ...] = ()
    error: str | None = None


def parse_offsets(text: str) -> Offsets:
    """`0.2`, or `0.1,0.3,0.1,0` for left, top, right, bottom.

    Raises:
        UsageError: not of that form.
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, 4):
        raise UsageError(f"--crop-margin takes one number or four with commas, got {text!r}")
    left, top, right, bottom = values * (4 // len(values))
    return left, top, right, bottom


def cut_out_faces(
    pictures: Iterable[LabelledPicture], detector: FaceDetector, how: Cutting, out: Path
) -> Iterator[Cut]:
    """Write the faces of each picture into `out/SPLIT/STATE/`, what is not known left out.

    Labelled boxes are cut as they are; elsewhere the detector looks for faces.

    Args:
        pictures: of a set, or photos without `states`.
        detector: for pictures without boxes.
        how: margins and choices.
        out: gets one JPEG a face, named after its picture and, from the second on, its number.

    Raises:
        SinkError: a crop cannot be written.
    """
    taken: set[Path] = set()
    for picture in pictures:
        try:
            image = decode(picture.path)
        except MaskwatchError as error:
            yield Cut(picture.path, error=str(error))
            continue
        found = faces_of(picture, image, detector, how.finding)
        written = []
        for box, state in zip(found.boxes, found.states, strict=True):
            file = _free(out / (picture.split or "") / (state or ""), picture.path.stem, taken)
            encode(cut(image, _grown(box, how.offsets)), file, quality=95)
            x1, y1, x2, y2 = (round(float(value), 1) for value in box)
            written.append(CutFace(file, picture.path, (x1, y1, x2, y2), state, found.known_by))
        yield Cut(picture.path, tuple(written))


def listing_row(face: CutFace, out: Path) -> tuple[object, ...]:
    """A crop as a row of `faces.csv`, whose columns are `LISTING_FIELDS`."""
    file = face.file.relative_to(out).as_posix()
    return file, str(face.picture), *face.box, face.state or "", face.known_by


def _grown(box: Boxes, offsets: Offsets) -> Boxes:
    sides = np.tile(box[2:] - box[:2], 2)
    return np.asarray(box + np.array([-1, -1, 1, 1]) * offsets * sides, np.float32)


def _free(folder: Path, stem: str, taken: set[Path]) -> Path:
    """A name in the folder that no earlier crop of this run has."""
    number, file = 1, folder / f"{stem}.jpg"
    while file in taken:
        number += 1
        file = folder / f"{stem}_{number}.jpg"
    taken.add(file)
    return file
