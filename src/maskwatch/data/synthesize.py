"""More samples from photos of bare faces: masks worn well and wrong, things that are no mask."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.app.stream import stream
from maskwatch.boxes import squares
from maskwatch.data.drawing import (
    MaskCutout,
    Placement,
    Thing,
    cutout_like,
    draw_random_mask,
    draw_thing,
    lay_mask,
    shows,
)
from maskwatch.data.real_masks import RealMasks, check_ends, faces_with_landmarks, masks_in
from maskwatch.errors import SinkError, UsageError
from maskwatch.images import cut, encode
from maskwatch.sinks.records import LineFile, csv_line
from maskwatch.sources.inputs import spell_out
from maskwatch.types import CLASSES, Face, Floats, Image, MaskState, Result

LISTING = "drawn.csv"
_FIELDS = ("file", "state", "drawn", "picture", "box_x1", "box_y1", "box_x2", "box_y2")
_WRONG = (Placement.NOSE_OUT, Placement.CHIN, Placement.HANGING, Placement.EYES)
_ROOM = 0.7
"""How far around a face, in parts of its longer side, there is anything to draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to draw: `per_face` pictures of each of the `states` for every bare face.

    `margin` is how far the squares that are written reach beyond the face's longer side, in parts
    of it; `masks_from` are photos of people who wear their masks well: those are cut out and laid
    onto the bare faces, instead of drawn ones.
    """

    states: tuple[MaskState, ...] = (MaskState.INCORRECT, MaskState.MASK)
    per_face: int = 3
    margin: float = 0.3
    seed: int = 42
    masks_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for state in self.states:
            if state not in CLASSES:
                raise UsageError(f"{state} cannot be drawn: choose from {', '.join(CLASSES)}")


def synthesize(
    inputs: Sequence[str], out: Path, order: Order, settings: Settings
) -> Iterator[tuple[Result, int]]:
    """Write drawn samples into `out`, a folder a state, listed in `out/drawn.csv`.

    Faces that the classifier does not call bare are left alone: what is drawn onto a mask would
    be labelled wrong. The results come back as they are read, those in error too, each with the
    number of its samples; before them those of `order.masks_from` that could not be read.

    Args:
        inputs: files, folders, globs; of videos every frame that `settings.every` names.
        out: gets `incorrect/`, `mask/`, `no_mask/`; a file is named after the picture, the number
            of the face and that of the drawing.
        order: what to draw.
        settings: detector, classifier and their options.

    Raises:
        UsageError: the detector gives no landmarks, an input never ends, `out` holds drawings
            and `settings.overwrite` is off, or `order.masks_from` shows no mask.
        SinkError: a file cannot be written.
    """
    found = spell_out(inputs, leave_out=[out])
    check_ends(found, settings)
    detector = MaskDetector(settings)
    turns = count(order.seed)
    with _Samples(out, overwrite=settings.overwrite) as samples:
        masks = masks_in(order.masks_from, detector, settings) if order.masks_from else RealMasks()
        yield from ((result, 0) for result in masks.unread)
        results = samples.enter_context(closing(stream(detector.analyse, found, settings)))
        for number, result in enumerate(results):
            rng = np.random.default_rng((order.seed, number))
            before = samples.written
            for number_of_face, face, landmarks in faces_with_landmarks(result, MaskState.NO_MASK):
                pen = _Pen(masks.cutouts, next(turns), rng)
                _draw_all(samples, result, (number_of_face, face), landmarks, order, pen)
            yield result, samples.written - before


class _Samples(ExitStack):
    """The folder of samples and its listing; both change with the first sample only."""

    def __init__(self, out: Path, *, overwrite: bool) -> None:
        super().__init__()
        self._out, self.written = out, 0
        self._listing: LineFile | None = None
        if (out / LISTING).exists() and not overwrite:
            raise UsageError(
                f"{out / LISTING} exists already: replace with --overwrite or name another --out"
            )

    def add(self, picture: Image, row: Sequence[object]) -> None:
        """Write one sample and its line, whose first value is the sample's file."""
        if self._listing is None:
            _forget(self._out / LISTING)
            self._listing = self.enter_context(LineFile(self._out / LISTING))
            self._listing.add(csv_line(_FIELDS))
        encode(picture, self._out / str(row[0]), quality=95)
        self._listing.add(csv_line(row))
        self.written += 1


def _forget(listing: Path) -> None:
    """Delete what an earlier run listed, so that none of it stays beside the new.

    Raises:
        SinkError: a file cannot be deleted.
    """
    if not listing.exists():
        return
    folder = listing.parent.resolve()
    try:
        with listing.open(encoding="utf-8", errors="backslashreplace", newline="") as text:
            files = [(folder / row[0]).resolve() for row in csv.reader(text) if row]
        for file in files:
            if file.is_relative_to(folder) and file.suffix == ".jpg":  # Ours alone.
                file.unlink(missing_ok=True)
        listing.unlink()
    except OSError as error:
        raise SinkError(f"cannot replace {error.filename}: {error.strerror}") from error


def _draw_all(
    samples: _Samples,
    result: Result,
    numbered: tuple[int, Face],
    landmarks: Floats,
    order: Order,
    pen: "_Pen",
) -> None:
    """All samples of one face, without those whose drawing lies beyond the picture's edge."""
    if result.image is None:
        return
    number, face = numbered
    box = np.asarray(face.box, np.float32)[None]
    # Only the surroundings of the face are drawn on: a large photo would take a second a sample.
    around = squares(box, order.margin + _ROOM)[0]
    view = cut(result.image, around)
    corner = np.maximum(np.floor(around[:2]), 0)
    inner = squares(box, order.margin)[0] - np.tile(corner, 2)
    plain = cut(view, inner)
    for state in dict.fromkeys(order.states):
        for turn in range(order.per_face):
            whole, drawn = pen.draw(view, landmarks - corner, state, turn)
            picture = cut(whole, inner)
            if not shows(picture, plain):
                continue
            file = Path(state) / _name(result, number, turn)
            values = (
                file.as_posix(),
                state.value,
                drawn,
                result.path,
                *(round(float(value), 1) for value in face.box),
            )
            samples.add(picture, values)


def _name(result: Result, number: int, turn: int) -> Path:
    """`a.jpg_0_2.jpg`, or `street.mp4/000012_0_2.jpg`."""
    name = Path(result.source.name)
    if result.source.still:
        return name.with_name(f"{name.name}_{number}_{turn}.jpg")
    return name / f"{result.frame:06d}_{number}_{turn}.jpg"


@dataclass(frozen=True, slots=True)
class _Pen:
    """What draws: masks that were cut out, if there are any; where the kinds' turns begin; dice."""

    masks: Sequence[MaskCutout]
    first: int
    rng: np.random.Generator

    def draw(
        self, image: Image, landmarks: Floats, state: MaskState, turn: int
    ) -> tuple[Image, str]:
        """The picture with one thing drawn onto the face, and what it is; kinds take turns."""
        turn += self.first
        if state is MaskState.NO_MASK:
            thing = list(Thing)[turn % len(Thing)]
            return draw_thing(image, landmarks, thing, self.rng), thing.value
        placement = _WRONG[turn % len(_WRONG)] if state is MaskState.INCORRECT else Placement.WORN
        if not self.masks:
            return draw_random_mask(image, landmarks, placement, self.rng), placement.value
        mask = cutout_like(self.masks, landmarks, self.rng, placement)
        return lay_mask(image, landmarks, mask, placement, self.rng), placement.value
