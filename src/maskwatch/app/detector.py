"""`MaskDetector`: pictures in, labelled faces out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from maskwatch.app.settings import Settings
from maskwatch.boxes import short_side
from maskwatch.errors import UsageError
from maskwatch.images import as_image
from maskwatch.models.bundle import UnknownRule
from maskwatch.models.classifier import MaskClassifier, open_classifier, states_of
from maskwatch.models.detectors import SHIPPED_DETECTOR, DetectorOptions, open_detector
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.models.detectors.search import search
from maskwatch.types import Boxes, FaceDetector, Faces, Floats, Frame, Image, Result


class MaskDetector:
    """Finds faces and says how each wears its mask.

    Args:
        settings: all options; the defaults where left out.
        changes: single options by name, such as `detector="retinaface"` or `score=0.95`; `detector`
            may also be an object with the method `detect(images) -> list[Faces]`.

    Raises:
        UsageError: an unknown name or a value out of its range.
        ModelError: a model's file is missing or damaged.
        MissingExtra: a detector's extra is not installed.

    Example:
        >>> detector = MaskDetector()
        >>> for face in detector("crowd.jpg"):  # doctest: +SKIP
        ...     print(face.state, face.probabilities, face.box)
    """

    def __init__(self, settings: Settings | None = None, **changes: Any) -> None:
        own = changes.pop("detector") if _is_detector(changes.get("detector")) else None
        self.settings = s = (settings or Settings()).but(**changes)
        # Only our own detector tells states.
        name = SHIPPED_DETECTOR if s.mode == "fast" and s.detector is None else s.detector
        self.face_detector: FaceDetector = own or open_detector(name, detector_options(s))
        self._one_pass = _one_pass(self.face_detector) if s.mode == "fast" else None
        if self._one_pass is None:
            _ = self._classifier  # Opened now, so that what is wrong with it is said now.

    def __call__(self, picture: object) -> Faces:
        """The faces of one picture, best first.

        Args:
            picture: a path, a Pillow picture, or an RGB array (h, w, 3) of uint8.

        Raises:
            SourceError: the file is missing, damaged or too large.
            TypeError: it is none of these.
        """
        image = as_image(picture, self.settings.max_pixels)
        found = search(
            self.face_detector,
            [image],
            min_face=self.settings.min_face,
            tight=True,
            tiles=self.settings.tiles,
        )
        return self._judged([image], found)[0]

    def classify(self, picture: object, boxes: Boxes | Sequence[Sequence[float]]) -> Faces:
        """States for boxes that the caller brings: in their order, none dropped, scores 1.

        Args:
            picture: a path, a Pillow picture, or an RGB array (h, w, 3) of uint8.
            boxes: shape (n, 4), x1, y1, x2, y2 in pixels of the upright picture.

        Raises:
            ValueError: boxes of another shape, or turned inside out.
            SourceError: the file is missing, damaged or too large.
        """
        image = as_image(picture, self.settings.max_pixels)
        table = np.asarray(boxes, np.float32)
        table = table.reshape(0, 4) if table.size == 0 else table
        if table.ndim != 2 or table.shape[1] != 4 or not np.isfinite(table).all():
            raise ValueError(f"expected boxes of shape (n, 4), all finite, got shape {table.shape}")
        if (table[:, 2:] <= table[:, :2]).any():
            raise ValueError("expected boxes as x1, y1, x2, y2 with x1 < x2 and y1 < y2")
        return self._classified([image], [Faces.found(table, np.ones(len(table), np.float32))])[0]

    def analyse(self, frames: Sequence[Frame]) -> list[Result]:
        """The results of some frames, whose faces share batches; frames in error have no faces."""
        good = [frame for frame in frames if frame.image is not None]
        images = [frame.image for frame in good if frame.image is not None]
        found: list[Faces] = []
        for frame, image in zip(good, images, strict=True):
            found += search(
                self.face_detector, [image], tight=frame.still, tiles=self.settings.tiles
            )
        large = [short_side(faces.boxes) >= self.settings.min_face for faces in found]
        kept = [faces[rows] for faces, rows in zip(found, large, strict=True)]
        dropped = [faces.boxes[~rows] for faces, rows in zip(found, large, strict=True)]
        judged = map(Result, good, self._judged(images, kept), dropped)
        return [
            Result(frame, Faces.empty()) if frame.image is None else next(judged)
            for frame in frames
        ]

    def stream(self, inputs: str | Path | Iterable[str | Path]) -> Iterator[Result]:
        """Results as they come, from files, folders, globs, videos, a camera's index or a URL.

        A picture that cannot be read gives a result whose `error` says why.

        Raises:
            UsageError: a setting does not fit these inputs.
        """
        from maskwatch.app.stream import stream
        from maskwatch.sources.inputs import spell_out

        listed = [inputs] if isinstance(inputs, str | Path) else list(inputs)
        yield from stream(self.analyse, spell_out([str(i) for i in listed]), self.settings)

    @cached_property
    def _classifier(self) -> MaskClassifier:
        s = self.settings
        return open_classifier(s.classifier, device=s.device, threads=s.threads)

    def _judged(self, images: Sequence[Image], found: Sequence[Faces]) -> list[Faces]:
        """Faces that were found, with the states that the settings' mode gives."""
        if self._one_pass is None:
            return self._classified(images, found)
        tables = [faces.probabilities for faces in found]
        return self._stated(found, tables, self._one_pass.bundle.unknown)

    def _classified(self, images: Sequence[Image], found: Sequence[Faces]) -> list[Faces]:
        tables = self._classifier.probabilities(images, [faces.boxes for faces in found])
        return self._stated(found, tables, self._classifier.bundle.unknown)

    def _stated(
        self, found: Sequence[Faces], tables: Sequence[Floats], rule: UnknownRule
    ) -> list[Faces]:
        own = self.settings.unknown
        if own is not None:
            rule = UnknownRule(0.0 if own == 0 else rule.min_side, own)
        return [
            replace(faces, probabilities=table, states=states_of(table, faces.boxes, rule))
            for faces, table in zip(found, tables, strict=True)
        ]


def detector_options(settings: Settings) -> DetectorOptions:
    """What the settings tell a face detector."""
    return DetectorOptions(
        weights=settings.detector_weights,
        long_side=settings.long_side,
        score=settings.score,
        iou=settings.nms,
        device=settings.device,
        # One pass is what fast means: its time does not grow with the number of faces.
        second_stage=settings.mode != "fast",
        threads=settings.threads,
    )


def _one_pass(detector: FaceDetector) -> OnePass:
    if not isinstance(detector, OnePass):
        raise UsageError(
            "the mode fast takes states from the face detector's own pass: only the detector "
            "maskwatch gives them; leave --detector out, or use --mode accurate"
        )
    return detector


def _is_detector(value: object) -> bool:
    return value is not None and not isinstance(value, str) and hasattr(value, "detect")
