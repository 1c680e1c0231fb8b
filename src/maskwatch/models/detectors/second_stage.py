"""A second look at what a detector took for faces: each box cut out of its picture and judged.

The first stage sees a whole picture at once, with few weights and at one size; a hand or an emblem
can look like a face to it. The second sees one box at a time, as large as its network wants it.
"""

from dataclasses import replace

import numpy as np

from maskwatch.boxes import squares
from maskwatch.errors import ModelInvalid
from maskwatch.images import planes, warp_crops
from maskwatch.models.bundle import Bundle
from maskwatch.models.runtime import Device, Network
from maskwatch.types import Boxes, Faces, Floats, Image

_LARGEST_BATCH = 16


class SecondLook:
    """The second stage of a bundle, in ONNX Runtime."""

    def __init__(self, bundle: Bundle, *, device: Device = "auto", threads: int = 0) -> None:
        if bundle.second_stage is None:
            raise ModelInvalid(f"{bundle.folder} has no second stage")
        self.spec = bundle.second_stage
        self._path = bundle.folder / self.spec.model
        self._network = Network(self._path, device=device, threads=threads)

    def __call__(self, image: Image, faces: Faces) -> Faces:
        """The same faces with the scores of both stages, best first."""
        if not len(faces):
            return faces
        scores = combined(faces.scores, self.logits(image, faces.boxes), self.spec.weights)
        return replace(faces, scores=scores)[np.argsort(-scores, kind="stable")]

    def logits(self, image: Image, boxes_xyxy: Boxes) -> Floats:
        """How much each box (n, 4) looks like a face, shape (n,), any number."""
        spec = self.spec.input
        crops = warp_crops(image, squares(boxes_xyxy, spec.margin), spec.width)
        parts = [np.zeros((0, 1), np.float32)]
        for start in range(0, len(crops), _LARGEST_BATCH):
            some = crops[start : start + _LARGEST_BATCH]
            pixels = planes(
                some, (spec.width, spec.height), colour=spec.colour, mean=spec.mean, std=spec.std
            )
            (answers,) = self._network(pixels).values()
            if answers.shape != (len(some), 1):
                raise ModelInvalid(
                    f"{self._path}: expected outputs of shape {(len(some), 1)}, got {answers.shape}"
                )
            parts.append(answers)
        return np.concatenate(parts)[:, 0]


def combined(scores: Floats, logits: Floats, weights: tuple[float, float, float]) -> Floats:
    """The scores (n,) of both stages together, 0..1: a root, as the first stage's are."""
    first, second, constant = weights
    total = first * first_logits(scores) + second * logits + constant
    return np.asarray(np.sqrt(1 / (1 + np.exp(-total))), np.float32)


def first_logits(scores: Floats) -> Floats:
    """What the first stage's network said, from its scores (n,): the root is taken back."""
    chance = np.clip(np.asarray(scores, np.float64) ** 2, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(chance / (1 - chance)), np.float32)
