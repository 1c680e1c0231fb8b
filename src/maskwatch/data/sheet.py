"""A sheet of samples: rows of faces of each class, to see what a set really holds."""

from collections.abc import Callable

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from maskwatch.boxes import squares
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.draw import COLOURS, WORDS
from maskwatch.errors import MaskwatchError, SourceError
from maskwatch.images import Image, decode, fit, warp_crops
from maskwatch.types import CLASSES, MaskState

_MARGIN = 0.25
_HEAD = 28
_TRIES = 3
"""Pictures that are tried for each place on the sheet before it stays empty."""


def sample_sheet(
    labelled: LabelledSet,
    *,
    columns: int = 12,
    rows: int = 3,
    side: int = 112,
    seed: int = 42,
    change: Callable[[Image], Image] | None = None,
) -> Image:
    """Samples of each class under a heading with its count, drawn at random.

    Args:
        labelled: the set; of labelled boxes the faces are shown, else whole pictures.
        columns: samples a row.
        rows: at most so many rows a class.
        side: of a sample, in pixels.
        seed: another seed shows others.
        change: what is done to each sample, such as an augmentation.

    Raises:
        SourceError: no picture can be read.
    """
    rng = np.random.default_rng(seed)
    bands = []
    for state in CLASSES:
        places = [
            (picture, number)
            for picture in labelled.pictures
            for number, told in enumerate(picture.states)
            if told is state
        ]
        if places:
            wanted = min(columns * rows, len(places))
            order = rng.permutation(len(places))[: _TRIES * wanted]
            samples = _samples([places[n] for n in order], wanted, side)
            samples = [change(sample) for sample in samples] if change else samples
            bands.append(_band(state, len(places), samples, columns, side))
    shown = [band for band in bands if band is not None]
    if not shown:
        raise SourceError(f"no picture of {labelled.root} can be read")
    return np.concatenate(shown)


def _samples(places: list[tuple[LabelledPicture, int]], wanted: int, side: int) -> list[Image]:
    out: list[Image] = []
    for picture, number in places:
        if len(out) == wanted:
            break
        try:
            image = decode(picture.path)
        except MaskwatchError:
            continue
        out.append(_view(image, picture, number, side))
    return out


def _view(image: Image, picture: LabelledPicture, number: int, side: int) -> Image:
    if picture.boxes is not None:
        square = squares(picture.boxes[number : number + 1], _MARGIN)
        return np.asarray(warp_crops(image, square, side)[0], np.uint8)
    small = fit(image, side)[0]
    out = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


def _band(
    state: MaskState, count: int, samples: list[Image], columns: int, side: int
) -> Image | None:
    if not samples:
        return None
    rows = -(-len(samples) // columns)
    band = Pillow.new("RGB", (columns * side, _HEAD + rows * side), "white")
    pen = ImageDraw.Draw(band)
    pen.rectangle((0, 0, band.width, _HEAD - 1), COLOURS[state])
    words = f"{WORDS[state]}: {count:,}"
    pen.text((8, _HEAD / 2), words, "white", ImageFont.load_default(16), anchor="lm")
    for number, sample in enumerate(samples):
        place = (number % columns * side, _HEAD + number // columns * side)
        band.paste(Pillow.fromarray(sample), place)
    return np.asarray(band)
