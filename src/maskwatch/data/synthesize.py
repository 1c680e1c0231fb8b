"""More samples from photos of bare faces: masks worn well and wrong, things that are no mask."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.boxes import squares
from maskwatch.data.drawing import (
    FaceFrame,
    Placement,
    Thing,
    draw_mask,
    draw_thing,
    random_style,
)
from maskwatch.errors import SinkError, UsageError
from maskwatch.images import cut, encode
from maskwatch.types import CLASSES, Face, Floats, Image, MaskState, Result

LISTING = "drawn.csv"
_FIELDS = ("file", "state", "drawn", "picture", "box_x1", "box_y1", "box_x2", "box_y2")
_WRONG = (Placement.NOSE_OUT, Placement.CHIN, Placement.HANGING, Placement.EYES)


@dataclass(frozen=True, slots=True)
class Order:
    """What to draw: `per_face` pictures of each of the `states` for every bare face.

    `margin` is how far the squares that are written reach beyond the face's longer side, in parts
    of it.
    """

    states: tuple[MaskState, ...] = (MaskState.INCORRECT, MaskState.MASK)
    per_face: int = 3
    margin: float = 0.3
    seed: int = 42

    def __post_init__(self) -> None:
        for state in self.states:
            if state not in CLASSES:
                raise UsageError(f"{state} cannot be drawn: choose from {', '.join(CLASSES)}")


def synthesize(
    inputs: Sequence[str | Path], out: Path, order: Order, settings: Settings
) -> Iterator[Result]:
    """Write drawn samples into `out`, a folder a state, listed in `out/drawn.csv`.

    Faces that the classifier does not call bare are left alone: what is drawn onto a mask would
    be labelled wrong. The results come back as they are read, those in error too.

    Args:
        inputs: files, folders, globs.
        out: gets `incorrect/`, `mask/`, `no_mask/` with the name of the picture, the number of the
            face and of the drawing in each file's name.
        order: what to draw.
        settings: detector, classifier and their options.

    Raises:
        UsageError: the detector gives no landmarks, or `out` holds drawings and
            `settings.overwrite` is off.
        SinkError: a file cannot be written.
    """
    listing = out / LISTING
    if listing.exists() and not settings.overwrite:
        raise UsageError(
            f"{listing} exists already: replace with --overwrite or name another --out"
        )
    detector = MaskDetector(settings)
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = listing.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise SinkError(f"cannot write {listing}: {error.strerror}") from error
    with file:
        table = csv.DictWriter(file, _FIELDS, lineterminator="\n")
        table.writeheader()
        for number, result in enumerate(detector.stream(inputs)):
            rng = np.random.default_rng((order.seed, number))
            for row in _samples(result, out, order, rng):
                table.writerow(row)
            file.flush()
            yield result


def _samples(
    result: Result, out: Path, order: Order, rng: np.random.Generator
) -> Iterator[dict[str, object]]:
    if result.image is None:
        return
    faces = result.faces
    if len(faces) and faces.landmarks is None:
        raise UsageError("drawing needs landmarks: choose --detector yunet, retinaface or mtcnn")
    for number, face in enumerate(faces):
        if face.state is not MaskState.NO_MASK or faces.landmarks is None:
            continue
        landmarks = faces.landmarks[number]
        for state in order.states:
            for turn in range(order.per_face):
                picture, drawn = _drawn(result.image, landmarks, state, turn, rng)
                name = result.source.name
                frame = "" if result.source.still else f"_{result.frame:06d}"
                target = out / state / f"{name.with_suffix('')}{frame}_{number}_{turn}.jpg"
                encode(cut(picture, _square(face, order.margin)), target, quality=95)
                box = (round(float(value), 1) for value in face.box)
                values = (target.relative_to(out), state.value, drawn, result.path, *box)
                yield dict(zip(_FIELDS, values, strict=True))


def _square(face: Face, margin: float) -> Floats:
    return np.asarray(squares(np.asarray(face.box, np.float32)[None], margin)[0], np.float32)


def _drawn(
    image: Image, landmarks: Floats, state: MaskState, turn: int, rng: np.random.Generator
) -> tuple[Image, str]:
    """The picture with one thing drawn onto the face, and what it is; kinds take turns."""
    if state is MaskState.NO_MASK:
        thing = list(Thing)[(turn + int(rng.integers(len(Thing)))) % len(Thing)]
        return draw_thing(image, landmarks, thing, rng), thing.value
    placement = _WRONG[turn % len(_WRONG)] if state is MaskState.INCORRECT else Placement.WORN
    style = random_style(rng, FaceFrame(landmarks).skin(image))
    return draw_mask(image, landmarks, placement, style, rng), placement.value
