"""Corrections of labels, kept apart from the labels: one JSON file, each with its reason."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from maskwatch.data.labelled import LabelledPicture
from maskwatch.errors import SourceError
from maskwatch.types import MaskState

_SAME_BOX_PX = 0.6


@dataclass(frozen=True, slots=True)
class Correction:
    """What a label should have been; `new` is UNKNOWN where nobody can tell.

    `box_xyxy` is None where the picture as a whole is labelled.
    """

    image: str
    box_xyxy: tuple[float, float, float, float] | None
    old: MaskState
    new: MaskState
    reason: str


def read_corrections(file: Path) -> list[Correction]:
    """The corrections in a JSON file.

    Raises:
        SourceError: no such file, or not of that form.
    """
    try:
        return [
            Correction(
                image=str(entry["image"]),
                box_xyxy=_box(entry["box"]),
                old=MaskState(entry["old"]),
                new=MaskState(entry["new"]),
                reason=str(entry["reason"]),
            )
            for entry in json.loads(file.read_text(encoding="utf-8"))
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SourceError(f"{file} is not a file of corrections: {error}") from error


def _box(values: list[float] | None) -> tuple[float, float, float, float] | None:
    if values is None:
        return None
    x1, y1, x2, y2 = values
    return x1, y1, x2, y2


def write_corrections(file: Path, corrections: Iterable[Correction]) -> None:
    """Write corrections, one a line."""
    lines = [
        json.dumps(
            {
                "image": c.image,
                "box": None if c.box_xyxy is None else [round(v, 1) for v in c.box_xyxy],
                "old": c.old.value,
                "new": c.new.value,
                "reason": c.reason,
            }
        )
        for c in corrections
    ]
    file.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def corrected(
    pictures: Iterable[LabelledPicture], corrections: Iterable[Correction]
) -> Iterator[LabelledPicture]:
    """The pictures with their labels corrected; faces that nobody can tell have state UNKNOWN.

    Raises:
        SourceError: after the last picture, if a correction fits no face.
    """
    by_image: dict[str, list[Correction]] = {}
    left: dict[Correction, None] = {}
    for correction in corrections:
        by_image.setdefault(correction.image, []).append(correction)
        left[correction] = None
    for picture in pictures:
        states = list(picture.states)
        for correction in by_image.get(picture.path.name, ()):
            for i, state in enumerate(picture.states):
                if state is correction.old and _is_at(picture, i, correction.box_xyxy):
                    states[i] = correction.new
                    left.pop(correction, None)
        yield replace(picture, states=tuple(states))
    if left:
        first = next(iter(left)).image
        raise SourceError(f"{len(left)} corrections fit no labelled face, the first in {first}")


def _is_at(
    picture: LabelledPicture, face: int, box_xyxy: tuple[float, float, float, float] | None
) -> bool:
    """Whether a face has that box; None is the box of a picture that is labelled as a whole."""
    if picture.boxes is None or box_xyxy is None:
        return picture.boxes is None and box_xyxy is None
    return float(np.abs(picture.boxes[face] - box_xyxy).max()) < _SAME_BOX_PX
