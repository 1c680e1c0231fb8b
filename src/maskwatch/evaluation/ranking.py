"""Faces at two limits of the score, what a user gets and much more, for one look at a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Protocol, cast

import numpy as np

from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.models.detectors.search import search
from maskwatch.types import FaceDetector, Faces, Image

Ask = Callable[[Image], tuple[Faces, Faces]]
"""From a picture to what a detector shows of it, and what it would at a lower limit."""


class _Scored(FaceDetector, Protocol):
    score: float


def asked_once(name: str, options: DetectorOptions, lower: float) -> Ask:
    """A way to ask a detector for its faces, and for those down to the score `lower`, at once.

    Raises:
        UsageError: no such detector.
        ModelError: its file is missing or damaged.
        MissingExtra: the extra that it needs is not installed.
    """
    own = open_detector(name, options)
    if isinstance(own, OnePass):
        return lambda image: own.detect_twice(image, lower)
    limit = cast(_Scored, own).score
    low = open_detector(name, replace(options, score=min(lower, limit)))

    def ask(image: Image) -> tuple[Faces, Faces]:
        # What is sure is never pushed out by what is less so: a higher limit only leaves out.
        (faces,) = low.detect([image])
        return faces[faces.scores >= limit], faces[faces.scores >= lower]

    return ask


def found_twice(ask: Ask, image: Image, *, min_face: float, tiles: int) -> tuple[Faces, Faces]:
    """The faces of a picture as `maskwatch detect` looks for them, and those at the lower limit.

    Args:
        ask: from `asked_once`.
        image: shape (h, w, 3).
        min_face: smaller ones are left out, in pixels.
        tiles: a side of the picture, that are looked at as well.
    """
    known: dict[tuple[object, ...], tuple[Faces, Faces]] = {}

    def answer(part: Image) -> tuple[Faces, Faces]:
        # Both searches cut the same tiles, each for itself.
        key = part.shape, blake2b(np.ascontiguousarray(part).data).digest()
        if key not in known:
            known[key] = ask(part)
        return known[key]

    shown, every = (
        search(_Limit(answer, limit), [image], min_face=min_face, tight=True, tiles=tiles)[0]
        for limit in (0, 1)
    )
    return shown, every


@dataclass(frozen=True, slots=True)
class _Limit:
    """A detector at one of both limits."""

    answer: Ask
    limit: int

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        return [self.answer(image)[self.limit] for image in images]
