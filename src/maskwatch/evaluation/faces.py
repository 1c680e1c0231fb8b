"""The labelled faces of a set with what is needed to judge the judges: truth, size, light."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import short_side
from maskwatch.data.choices import Without
from maskwatch.data.finding import Finding, FoundFaces, faces_of
from maskwatch.data.labelled import LabelledPicture
from maskwatch.errors import MaskwatchError, SourceError
from maskwatch.images import cut, decode, resize, to_grey
from maskwatch.types import CLASSES, Boxes, FaceDetector, Floats, Image, MaskState

Judge = Callable[[Image, Boxes], Floats]
"""From a picture and boxes (n, 4) to probabilities (n, 3)."""
_LOOKED_AT = 64
_AT_EDGE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """n faces as a struct of arrays.

    `truth` (n,) are indices of `CLASSES`, `boxes` (n, 4), `pictures` (n,) numbers that faces of one
    picture share, `parts` (n,) the parts of the set, `brightness` (n,) 0 to 255, `sharpness` (n,)
    the variance of the Laplacian at 64 pixels, `at_edge` (n,) whether the frame cuts the face. In a
    picture without a face, where that is wrong, the box is the whole picture. `errors` are
    sentences about pictures that could not be read.
    """

    paths: tuple[Path, ...]
    truth: NDArray[np.int64]
    boxes: Boxes
    pictures: NDArray[np.int64]
    parts: tuple[str, ...]
    brightness: Floats
    sharpness: Floats
    at_edge: NDArray[np.bool_]
    errors: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def sides(self) -> Floats:
        """The shorter side of each box in pixels, shape (n,)."""
        return short_side(self.boxes)


@dataclass(slots=True)
class _Rows:
    paths: list[Path] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    boxes: list[Boxes] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    looks: list[tuple[float, float, bool]] = field(default_factory=list)


def judged(
    pictures: Iterable[LabelledPicture],
    judges: Sequence[Judge],
    detector: FaceDetector,
    how: Finding = Finding(without=Without.WHOLE),  # noqa: B008
) -> tuple[LabelledFaces, list[Floats]]:
    """The labelled faces, and each judge's probabilities for them, shapes (n, 3).

    Each picture is read once, whatever the number of judges. Where `how` skips pictures without a
    face, they are judged wrong: a face of the picture's label with the probabilities 0, 0, 0.

    Args:
        pictures: of a set; faces whose state is unknown are left out.
        judges: who judges.
        detector: for pictures without boxes.
        how: which faces are judged in them.

    Raises:
        SourceError: no labelled face could be read.
    """
    rows = _Rows()
    answers: list[list[Floats]] = [[] for _ in judges]
    errors = []
    for number, picture in enumerate(pictures):
        try:
            image = decode(picture.path)
        except MaskwatchError as error:
            errors.append(str(error))
            continue
        found = faces_of(picture, image, detector, how)
        is_missed = picture.boxes is None and not len(found.boxes)
        truth, boxes = _known(_whole(picture, image) if is_missed else found)
        if not truth:
            continue
        _add(rows, picture, number, truth, boxes, image)
        for told, judge in zip(answers, judges, strict=True):
            told.append(np.zeros((1, 3), np.float32) if is_missed else judge(image, boxes))
    _check(rows, answers, errors)
    brightness, sharpness, at_edge = zip(*rows.looks, strict=True)
    faces = LabelledFaces(
        tuple(rows.paths),
        np.array(rows.truth),
        np.concatenate(rows.boxes),
        np.array(rows.pictures),
        tuple(rows.parts),
        np.array(brightness, np.float32),
        np.array(sharpness, np.float32),
        np.array(at_edge, bool),
        tuple(errors),
    )
    return faces, [np.concatenate(told) for told in answers]


def _known(found: FoundFaces) -> tuple[list[int], Boxes]:
    """Labels and boxes of the faces whose state is known."""
    rows = [row for row, state in enumerate(found.states) if state in CLASSES]
    return [CLASSES.index(MaskState(found.states[row] or "")) for row in rows], found.boxes[rows]


def _whole(picture: LabelledPicture, image: Image) -> FoundFaces:
    height, width = image.shape[:2]
    return FoundFaces(np.array([[0, 0, width, height]], np.float32), picture.states, "label")


def _check(rows: _Rows, answers: Sequence[Sequence[Floats]], errors: Sequence[str]) -> None:
    if not rows.truth:
        raise SourceError(f"no labelled face could be read; {len(errors)} pictures are damaged")
    if not any(table.any() for told in answers for table in told):
        raise SourceError(
            f"no face was found in any of {len(rows.truth)} pictures: try another --detector, a "
            "larger --long-side, or --without-face whole where pictures are faces that were cut out"
        )


def _add(
    rows: _Rows,
    picture: LabelledPicture,
    number: int,
    truth: list[int],
    boxes: Boxes,
    image: Image,
) -> None:
    height, width = image.shape[:2]
    for label, box in zip(truth, boxes, strict=True):
        grey = to_grey(resize(np.ascontiguousarray(cut(image, box)), _LOOKED_AT, _LOOKED_AT))
        room = np.array([box[0], box[1], width - box[2], height - box[3]])
        at_edge = bool((room <= _AT_EDGE * max(height, width)).any())
        # A picture that is one face has no frame that could cut it.
        at_edge = at_edge and picture.boxes is not None
        sharpness = float(cv2.Laplacian(grey, cv2.CV_64F).var())
        rows.looks.append((float(grey.mean()), sharpness, at_edge))
        rows.paths.append(picture.path)
        rows.truth.append(label)
        rows.pictures.append(number)
        rows.parts.append(picture.split or "all")
    rows.boxes.append(boxes)
