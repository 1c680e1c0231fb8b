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
    for correction in corrections:
        by_image.setdefault(correction.image, []).append(correction)
    left = {id(correction) for of_image in by_image.values() for correction in of_image}
    for picture in pictures:
        states = list(picture.states)
        for correction in by_image.get(picture.path.name, ()):
            for i in _matches(picture, correction):
                states[i] = correction.new
                left.discard(id(correction))
        yield replace(picture, states=tuple(states))
    lost = [c.image for of_image in by_image.values() for c in of_image if id(c) in left]
    if lost:
        raise SourceError(f"{len(lost)} corrections fit no labelled face, the first in {lost[0]}")


def _matches(picture: LabelledPicture, correction: Correction) -> list[int]:
    """The faces meant: same box and same old label."""
    return [
        i
        for i, state in enumerate(picture.states)
        if state is correction.old
        and (
            picture.boxes is None
            if correction.box_xyxy is None
            else picture.boxes is not None
            and float(np.abs(picture.boxes[i] - correction.box_xyxy).max()) < _SAME_BOX_PX
        )
    ]
