"""A second look at what a detector took for faces: each box is cut out, judged and drawn better.

The first stage sees a whole picture at once, with few weights and at one size; a hand or an emblem
can look like a face to it, and on a turned head its box slides. The second sees one box at a time,
as large as its network wants it.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import clip, short_side, squares
from maskwatch.errors import ModelInvalid
from maskwatch.images import planes, warp_crops
from maskwatch.models.bundle import Bundle
from maskwatch.models.runtime import Device, Network
from maskwatch.types import Boxes, Faces, Floats, Image

_LARGEST_BATCH = 32
_ANSWERS = 5
_LEAST_SIDE, _LARGEST_GROWTH = 0.5, 2.0
_MOVES_A_SIDE = 16.0
"""Moves are told in sixteenths of the square's side: as large as logits are, so that 8 bits hold
both."""


class SecondLook:
    """The second stage of a bundle, in ONNX Runtime."""

    def __init__(self, bundle: Bundle, *, device: Device = "auto", threads: int = 0) -> None:
        if bundle.second_stage is None:
            raise ModelInvalid(f"{bundle.folder} has no second stage")
        self.spec = bundle.second_stage
        self._path = bundle.folder / self.spec.model
        self._network = Network(self._path, device=device, threads=threads)

    def __call__(self, image: Image, faces: Faces) -> Faces:
        """The same faces with better boxes and the scores of both stages, best first.

        Landmarks stay those of the first stage. A box without an area, as beyond the picture's
        edge, is no face.
        """
        faces = faces[short_side(faces.boxes) >= _LEAST_SIDE]
        if not len(faces):
            return faces
        logits, boxes = self.look(image, faces.boxes)
        scores = combined(faces.scores, logits, self.spec.weights)
        inside = clip(boxes, image.shape[1], image.shape[0])
        return replace(faces, boxes=inside, scores=scores)[np.argsort(-scores, kind="stable")]

    def look(self, image: Image, boxes_xyxy: Boxes) -> tuple[Floats, Boxes]:
        """How much each box (n, 4) looks like a face, shape (n,), any number; and where that face
        lies, shape (n, 4)."""
        spec = self.spec.input
        around = squares(boxes_xyxy, spec.margin)
        crops = warp_crops(image, around, spec.width)
        parts = [np.zeros((0, _ANSWERS), np.float32)]
        for start in range(0, len(crops), _LARGEST_BATCH):
            some = crops[start : start + _LARGEST_BATCH]
            pixels = planes(
                some, (spec.width, spec.height), colour=spec.colour, mean=spec.mean, std=spec.std
            )
            (answers,) = self._network(pixels).values()
            if answers.shape != (len(some), _ANSWERS):
                raise ModelInvalid(
                    f"{self._path}: expected outputs of shape {(len(some), _ANSWERS)}, got "
                    f"{answers.shape}"
                )
            parts.append(answers)
        table = np.concatenate(parts)
        if not np.isfinite(table).all():
            raise ModelInvalid(f"{self._path}: expected numbers, got some that are none")
        return table[:, 0], moved_by(table[:, 1:], around, spec.margin)


def moves_to(boxes_xyxy: Boxes, squares_xyxy: Boxes, margin: float) -> Floats:
    """How to come from squares (n, 4) around some boxes, with that margin, to other boxes (n, 4).

    The centre's way across and down, and the logarithms of width and height over those that the
    margin says, shape (n, 4), in sixteenths of the square's side.
    """
    sides = squares_xyxy[:, 2:] - squares_xyxy[:, :2]
    way = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:] - squares_xyxy[:, :2] - squares_xyxy[:, 2:]) / 2
    growth = np.log((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) / sides * (1 + 2 * margin))
    return np.asarray(np.concatenate([way / sides, growth], axis=1) * _MOVES_A_SIDE, np.float32)


def moved_by(moves: Floats, squares_xyxy: Boxes, margin: float) -> Boxes:
    """The boxes (n, 4) that `moves_to` told the moves to."""
    sides = squares_xyxy[:, 2:] - squares_xyxy[:, :2]
    centres = (squares_xyxy[:, :2] + squares_xyxy[:, 2:]) / 2
    centres = centres + moves[:, :2] / _MOVES_A_SIDE * sides
    growth = np.minimum(moves[:, 2:] / _MOVES_A_SIDE, _LARGEST_GROWTH)
    halves = sides / (1 + 2 * margin) * np.exp(growth) / 2
    return np.asarray(np.concatenate([centres - halves, centres + halves], axis=1), np.float32)


def combined(scores: Floats, logits: Floats, weights: tuple[float, float, float]) -> Floats:
    """The scores (n,) of both stages together, 0..1: a root, as the first stage's are."""
    first, second, constant = weights
    total = first * first_logits(scores) + second * logits.astype(np.float64) + constant
    return np.asarray(np.sqrt(1 / (1 + np.exp(-total))), np.float32)


def first_logits(scores: Floats) -> NDArray[np.float64]:
    """What the first stage's network said, from its scores (n,): the root is taken back."""
    chance = np.clip(np.asarray(scores, np.float64) ** 2, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(chance / (1 - chance)), np.float64)
