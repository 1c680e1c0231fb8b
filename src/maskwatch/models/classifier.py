"""From faces to states: crops in, probabilities out, all faces of some pictures in one batch."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import clip, pad, short_side, squares
from maskwatch.errors import ModelInvalid, UsageError
from maskwatch.images import planes, squashed, warp_crops
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle, UnknownRule
from maskwatch.models.catalogue import SHIPPED, names
from maskwatch.models.runtime import Device, Network
from maskwatch.types import CLASSES, Boxes, Floats, Image, MaskState

_logger = logging.getLogger(__name__)
_LARGEST_BATCH = 8
"""Larger batches leave the processor's caches: they take more time a face, and more memory."""


def open_classifier(name: str, *, device: Device = "auto", threads: int = 0) -> "MaskClassifier":
    """A shipped classifier by its name, or a bundle or run folder by its path.

    Raises:
        UsageError: neither.
        ModelInvalid: the bundle is damaged.
    """
    if name in names("classifier"):
        if (Path(name) / bundles.FILE).is_file():
            _logger.warning("%s is the shipped classifier; write ./%s for the folder", name, name)
        return MaskClassifier(bundles.read(SHIPPED / name), device=device, threads=threads)
    if Path(name).is_dir():
        return MaskClassifier(bundles.read(Path(name)), device=device, threads=threads)
    raise UsageError(
        f"no classifier is called {name!r}; choose from {', '.join(names('classifier'))} "
        "or name a bundle's folder"
    )


class MaskClassifier:
    """A bundle's network, run by ONNX Runtime."""

    def __init__(self, bundle: Bundle, *, device: Device = "auto", threads: int = 0) -> None:
        if bundle.kind != "classifier":
            raise ModelInvalid(f"{bundle.folder} holds a face detector, not a classifier")
        self.bundle = bundle
        self._network = Network(bundle.model_path, device=device, threads=threads)

    def probabilities(self, images: Sequence[Image], boxes: Sequence[Boxes]) -> list[Floats]:
        """The probabilities of the faces of each picture, shapes (n_i, 3), rows sum to 1.

        Args:
            images: RGB pictures.
            boxes: for each of them its boxes, shape (n_i, 4), in pixels.
        """
        crops = [
            crop
            for image, of_image in zip(images, boxes, strict=True)
            for crop in self.crops(image, of_image)
        ]
        parts = [
            self.of_crops(crops[start : start + _LARGEST_BATCH])
            for start in range(0, len(crops), _LARGEST_BATCH)
        ]
        table = np.concatenate([np.zeros((0, len(CLASSES)), np.float32), *parts])
        ends = np.cumsum([len(of_image) for of_image in boxes])
        return np.split(table, ends[:-1]) if len(boxes) else []

    def crops(self, image: Image, boxes_xyxy: Boxes) -> NDArray[np.uint8]:
        """The faces as the network sees them, shape (n, side, side, 3), RGB."""
        spec = self.bundle.input
        if spec.crop == "box":
            height, width = image.shape[:2]
            inside = clip(pad(boxes_xyxy, spec.margin), width, height)
            faces = [squashed(image, box, spec.width, spec.resize) for box in inside]
            return np.stack(faces) if faces else np.zeros((0, spec.width, spec.width, 3), np.uint8)
        return warp_crops(image, squares(boxes_xyxy, spec.margin), spec.width)

    def of_crops(self, crops: Sequence[Image]) -> Floats:
        """The probabilities of cut faces, shape (n, 3)."""
        spec = self.bundle.input
        batch = planes(
            crops, (spec.width, spec.height), colour=spec.colour, mean=spec.mean, std=spec.std
        )
        (logits,) = self._network(batch).values()
        if logits.shape != (len(crops), len(self.bundle.labels)):
            raise ModelInvalid(
                f"{self.bundle.folder}: expected outputs of shape "
                f"{(len(crops), len(self.bundle.labels))}, got {logits.shape}"
            )
        missing = len(CLASSES) - logits.shape[1]
        return np.pad(softmax(logits / self.bundle.temperature), ((0, 0), (0, missing)))


def softmax(logits: Floats) -> Floats:
    """Probabilities of rows of logits, shape (n, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def states_of(probabilities: Floats, boxes_xyxy: Boxes, rule: UnknownRule) -> NDArray[np.str_]:
    """The state of each face, shape (n,): the likeliest, or unknown where the rule says so."""
    words = np.array([state.value for state in CLASSES], "<U9")
    states = words[probabilities.argmax(axis=1)] if len(probabilities) else np.zeros(0, "<U9")
    unsure = probabilities.max(axis=1, initial=0) < rule.threshold
    small = short_side(boxes_xyxy) < rule.min_side
    return np.where(unsure | small, MaskState.UNKNOWN.value, states).astype("<U9")
