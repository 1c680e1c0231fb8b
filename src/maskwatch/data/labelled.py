"""Labelled pictures and sets of them, whatever files they come from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from maskwatch.errors import UsageError
from maskwatch.types import Boxes, MaskState


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """A picture with its labelled faces: `boxes` (n, 4) in pixels and their `states`.

    `boxes` is None where only the picture as a whole is labelled, with the one state given.
    `split` is the part of the set in which the picture lies, if it has any; `ignored` (m, 4) are
    labelled places that are left out: a box there is neither right nor wrong.
    """

    path: Path
    boxes: Boxes | None
    states: tuple[MaskState, ...]
    split: str | None = None
    ignored: Boxes = field(default_factory=lambda: np.zeros((0, 4), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """The pictures of a labelled set.

    `form` names its files (folders, coco, voc, yolo), `classes` says how each class name was read
    (None: left out), `problems` are sentences about files that could not be used.
    """

    root: Path
    form: str
    pictures: tuple[LabelledPicture, ...]
    classes: dict[str, MaskState | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def has_boxes(self) -> bool:
        """Whether faces are labelled, not pictures as a whole."""
        return any(picture.boxes is not None for picture in self.pictures)

    @property
    def splits(self) -> tuple[str | None, ...]:
        """The parts in order of appearance; (None,) for a set that has none."""
        return tuple(dict.fromkeys(picture.split for picture in self.pictures))


def only_part(labelled: LabelledSet, part: str | None) -> LabelledSet:
    """The pictures of one part; all for None.

    Raises:
        UsageError: the set has no such part.
    """
    if part is None:
        return labelled
    chosen = tuple(picture for picture in labelled.pictures if picture.split == part)
    if not chosen:
        parts = ", ".join(str(split) for split in labelled.splits if split) or "none"
        raise UsageError(f"{labelled.root} has no part {part!r}; it has {parts}")
    return replace(labelled, pictures=chosen)


def without(
    pictures: Sequence[LabelledPicture], root: Path, listing: Path
) -> Iterator[LabelledPicture]:
    """The pictures that a file does not list: a path relative to `root` a line, `#` comments."""
    lines = (line.split("#")[0].strip() for line in listing.read_text("utf-8").splitlines())
    banned = {root / line for line in lines if line}
    return (picture for picture in pictures if picture.path not in banned)
