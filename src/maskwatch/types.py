"""The values that travel through maskwatch: states, faces, frames, results; and its protocols."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture as an RGB array of shape (height, width, 3)."""
Floats = NDArray[np.float32]
Boxes = Floats
"""Boxes of shape (n, 4): x1, y1, x2, y2 in pixels of the upright picture."""


class MaskState(StrEnum):
    """How a face wears its mask."""

    MASK = "mask"
    NO_MASK = "no_mask"
    INCORRECT = "incorrect"
    UNKNOWN = "unknown"

    @property
    def is_violation(self) -> bool:
        """Whether somebody is there who is known not to be properly masked."""
        return self in (MaskState.NO_MASK, MaskState.INCORRECT)


CLASSES = (MaskState.MASK, MaskState.NO_MASK, MaskState.INCORRECT)
"""The order of the columns of every array of probabilities."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a `Faces`: views of its rows."""

    box: Floats
    score: float
    probabilities: Floats
    state: MaskState
    landmarks: Floats | None = None
    track: int | None = None

    @property
    def confidence(self) -> float | None:
        """The probability of the state, None where the state is unknown."""
        if self.state is MaskState.UNKNOWN:
            return None
        return float(self.probabilities[CLASSES.index(self.state)])


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The faces of one picture as a struct of arrays; slice it with masks, iterate it as `Face`.

    Shapes: `boxes` (n, 4) in pixels, `scores` (n,) in 0..1, `probabilities` (n, 3) that sum to 1
    in the order of `CLASSES`, `states` (n,) words of `MaskState`, `landmarks` (n, 5, 2) in pixels
    (right eye, left eye, nose, right and left corner of the mouth) and `tracks` (n,) or None.

    Raises:
        ValueError: an array has another shape.
    """

    boxes: Boxes
    scores: Floats
    probabilities: Floats
    states: NDArray[np.str_]
    landmarks: Floats | None = None
    tracks: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        n = len(self.boxes)
        shapes = {
            "boxes": (n, 4),
            "scores": (n,),
            "probabilities": (n, 3),
            "states": (n,),
            "landmarks": (n, 5, 2),
            "tracks": (n,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {array.shape}")

    @classmethod
    def found(cls, boxes: Boxes, scores: Floats, landmarks: Floats | None = None) -> Self:
        """Faces that nobody has judged yet: unknown, each class as likely as the others."""
        n = len(boxes)
        return cls(
            boxes=np.asarray(boxes, np.float32).reshape(n, 4),
            scores=np.asarray(scores, np.float32),
            probabilities=np.full((n, 3), 1 / 3, np.float32),
            states=np.full(n, MaskState.UNKNOWN.value, "<U9"),
            landmarks=landmarks,
        )

    @classmethod
    def empty(cls) -> Self:
        """No faces."""
        return cls.found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.boxes)

    def __iter__(self) -> Iterator[Face]:
        for i in range(len(self)):
            yield Face(
                box=self.boxes[i],
                score=float(self.scores[i]),
                probabilities=self.probabilities[i],
                state=MaskState(str(self.states[i])),
                landmarks=None if self.landmarks is None else self.landmarks[i],
                track=None if self.tracks is None else int(self.tracks[i]),
            )

    def __getitem__(self, rows: int | slice | NDArray[Any] | Sequence[int]) -> "Faces":
        """The chosen rows: a slice, a boolean mask of shape (n,), an index or indices."""
        chosen = rows if isinstance(rows, slice) else _row_index(rows)
        return Faces(
            boxes=self.boxes[chosen],
            scores=self.scores[chosen],
            probabilities=self.probabilities[chosen],
            states=self.states[chosen],
            landmarks=None if self.landmarks is None else self.landmarks[chosen],
            tracks=None if self.tracks is None else self.tracks[chosen],
        )

    def count(self, state: MaskState) -> int:
        """How many faces are in this state."""
        return int(np.count_nonzero(self.states == state.value))

    @property
    def violations(self) -> int:
        """How many faces wear no mask or wear it wrong."""
        return sum(self.count(state) for state in CLASSES if state.is_violation)


def joined(parts: Sequence[Faces]) -> Faces:
    """The faces of several, one after the other; landmarks and tracks where all parts have them."""
    columns: dict[str, Any] = {}
    for item in fields(Faces):
        column = [getattr(part, item.name) for part in parts]
        missing = any(part is None for part in column)
        columns[item.name] = None if missing else np.concatenate(column)
    return Faces(**columns)


def _row_index(rows: int | NDArray[Any] | Sequence[int]) -> NDArray[Any]:
    index = np.atleast_1d(np.asarray(rows))
    return index.astype(np.intp) if index.size == 0 and index.dtype != np.bool_ else index


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture on its way in: from a file, a video or a camera.

    `path` is as the user would open it (passwords masked), `name` the relative path that outputs
    keep, `time` in seconds from the start. `image` is None where `error` says why it cannot be
    read. `still` tells photos from frames of a video, `live` tells cameras from files.
    """

    path: str
    name: PurePath
    index: int = 0
    time: float = 0.0
    image: Image | None = None
    error: str | None = None
    still: bool = True
    live: bool = False

    @property
    def nbytes(self) -> int:
        """The memory that its pixels take, in bytes."""
        return 0 if self.image is None else self.image.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What was found in one frame.

    `dropped` (m, 4) are boxes of faces that were found and left out for being too small: they
    count for nothing, but a blur covers them.
    """

    source: Frame
    faces: Faces
    dropped: Boxes = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def frame(self) -> int:
        return self.source.index

    @property
    def time(self) -> float:
        return self.source.time

    @property
    def error(self) -> str | None:
        return self.source.error

    @property
    def image(self) -> Image | None:
        return self.source.image

    @property
    def nbytes(self) -> int:
        """The memory that its pixels take, in bytes."""
        return self.source.nbytes


class FaceDetector(Protocol):
    """Finds faces; the place to plug another detector in."""

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of each picture, best first, in pixels of that picture."""


class Source(Protocol):
    """Gives frames; loop over it."""

    def __iter__(self) -> Iterator[Frame]: ...


class Enough(Exception):
    """A sink wants no more results: the user closed the window, say."""


class Sink(Protocol):
    """Takes results; enter it with `with`, so that its files are finished."""

    def write(self, result: Result) -> None:
        """Take one result; may raise `Enough`."""
