"""Boxes, words and symbols on faces, readable without colour; and faces made unrecognisable."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from maskwatch.boxes import pad
from maskwatch.images import resize
from maskwatch.types import Boxes, Face, Faces, Floats, Image, MaskState

RGB = tuple[int, int, int]
COLOURS: dict[MaskState, RGB] = {
    MaskState.MASK: (0, 104, 201),
    MaskState.NO_MASK: (204, 32, 42),
    MaskState.INCORRECT: (230, 126, 0),
    MaskState.UNKNOWN: (110, 110, 110),
}
WORDS = {
    MaskState.MASK: "Mask",
    MaskState.NO_MASK: "No mask",
    MaskState.INCORRECT: "Worn wrong",
    MaskState.UNKNOWN: "Unknown",
}
SYMBOLS = {
    MaskState.MASK: "✓",
    MaskState.NO_MASK: "✗",
    MaskState.INCORRECT: "!",
    MaskState.UNKNOWN: "?",
}
BLUR_CELLS = 8
"""A blurred face keeps at most this many values along each side."""
_BLUR_MARGIN = 0.15
_SMALLEST_FONT, _LARGEST_FONT = 10, 64


def label_of(face: Face) -> str:
    """The words beside a face, such as `Mask 99.1%`; an unknown state has no percentage."""
    if face.confidence is None:
        return WORDS[face.state]
    return f"{WORDS[face.state]} {face.confidence * 100:.1f}%"


def annotate(image: Image, faces: Faces) -> Image:
    """A copy of the picture with a box, a symbol and a label for each face."""
    out = image.copy()
    height, width = image.shape[:2]
    base = float(np.clip(np.sqrt(width * height) * 0.022, _SMALLEST_FONT, _LARGEST_FONT))
    thickness = max(1, round(base / 6))
    for face in faces:
        x1, y1, x2, y2 = (round(float(value)) for value in face.box)
        cv2.rectangle(out, (x1, y1), (x2, y2), COLOURS[face.state], thickness)
    labels = _Labels(width, height, faces.boxes)
    for face in faces:
        short = float(min(face.box[2] - face.box[0], face.box[3] - face.box[1]))
        size = max(_SMALLEST_FONT, round(float(np.clip(short * 0.35, base * 0.6, base))))
        labels.place(out, face, size)
    return out


def blur(image: Image, boxes_xyxy: Boxes) -> Image:
    """A copy of the picture in which each face is 8x8 means of itself, nothing more.

    The region is the box and 15% around it. Irreversible: what is written depends on at most 64
    values (a colour) of the region, however large it was.
    """
    out = image.copy()
    height, width = image.shape[:2]
    for box in pad(boxes_xyxy, _BLUR_MARGIN):
        x1, y1 = np.clip(np.floor(box[:2]), 0, [width, height]).astype(int)
        x2, y2 = np.clip(np.ceil(box[2:]), 0, [width, height]).astype(int)
        region = out[y1:y2, x1:x2]
        if region.size:
            cells = min(BLUR_CELLS, region.shape[1]), min(BLUR_CELLS, region.shape[0])
            small = cv2.resize(region, cells, interpolation=cv2.INTER_AREA)
            region[...] = resize(np.asarray(small, np.uint8), region.shape[1], region.shape[0])
    return out


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A label as pixels: RGB (h, w, 3)."""

    pixels: Image

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]


class _Labels:
    """Puts labels where they hide the least: other labels weigh most, then faces."""

    def __init__(self, width: int, height: int, faces_xyxy: Boxes) -> None:
        self._width, self._height = width, height
        self._faces = faces_xyxy
        self._placed = np.zeros((0, 4), np.float32)

    def place(self, out: Image, face: Face, size: int) -> None:
        """Draw the label of a face at the best place for it."""
        candidates = [
            (stamp, corner, penalty)
            for stamp, penalty in self._stamps(face, size)
            for corner in self._corners(face.box, *stamp.size_wh)
        ]
        costs = [self._cost(*candidate) for candidate in candidates]
        stamp, (x, y), _ = candidates[int(np.argmin(costs))]
        width, height = stamp.size_wh
        target = out[y : y + height, x : x + width]
        target[...] = stamp.pixels[: target.shape[0], : target.shape[1]]
        self._placed = np.vstack([self._placed, [[x, y, x + width, y + height]]])

    def _stamps(self, face: Face, size: int) -> Iterator[tuple[_Stamp, float]]:
        """The whole label, and a short one for crowds; with what each costs in itself."""
        full = _stamp(face.state, label_of(face), size)
        if full.size_wh[0] <= self._width:
            yield full, 0.0
        if face.confidence is not None:
            short = _stamp(face.state, f"{face.confidence * 100:.0f}%", size)
            yield short, 0.2 * full.size_wh[0] * full.size_wh[1]
        if face.confidence is None or full.size_wh[0] > self._width:
            yield _stamp(face.state, "", size), 0.5 * full.size_wh[0] * full.size_wh[1]

    def _corners(self, box: Floats, width: int, height: int) -> Iterator[tuple[int, int]]:
        """Upper left corners above, below, right, left and inside, all within the picture."""
        x1, y1, x2, y2 = (round(float(value)) for value in box)
        for x, y in (
            (x1, y1 - height),
            (x2 - width, y1 - height),
            (x1, y2),
            (x2, y1),
            (x1 - width, y1),
            (x1, y1),
        ):
            yield (
                int(np.clip(x, 0, max(0, self._width - width))),
                int(np.clip(y, 0, max(0, self._height - height))),
            )

    def _cost(self, stamp: _Stamp, corner: tuple[int, int], penalty: float) -> float:
        width, height = stamp.size_wh
        rect = np.array([*corner, corner[0] + width, corner[1] + height], np.float32)
        hidden = _common_area(rect, self._faces) + 3 * _common_area(rect, self._placed)
        return hidden + penalty


def _common_area(rect: Floats, others: Boxes) -> float:
    sides = np.minimum(rect[2:], others[:, 2:]) - np.maximum(rect[:2], others[:, :2])
    return float(np.maximum(sides, 0).prod(axis=1).sum())


@lru_cache(maxsize=256)
def _stamp(state: MaskState, text: str, size: int) -> _Stamp:
    """A filled label with the state's symbol and a text; cached, since percentages recur."""
    font = _font(size)
    gap = max(2, round(size * 0.25))
    text_width = round(font.getlength(text)) if text else 0
    width = size + 2 * gap + (text_width + gap if text else 0)
    label = Pillow.new("RGB", (width, round(size * 1.35)), COLOURS[state])
    pen = ImageDraw.Draw(label)
    _draw_symbol(pen, state, gap, label.height, size)
    if text:
        pen.text((size + 2 * gap, label.height / 2), text, "white", font, anchor="lm")
    return _Stamp(np.asarray(label))


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _draw_symbol(
    pen: ImageDraw.ImageDraw, state: MaskState, left: int, height: int, size: int
) -> None:
    """A tick, a cross, an exclamation or a question mark in a square of `size` pixels."""
    middle, r = height / 2, size * 0.32
    x = left + size / 2
    stroke = max(1, round(size / 7))
    if state is MaskState.MASK:
        tick = [(x - r, middle), (x - r * 0.25, middle + r * 0.8), (x + r, middle - r * 0.8)]
        pen.line(tick, "white", stroke, joint="curve")
    elif state is MaskState.NO_MASK:
        pen.line([(x - r, middle - r), (x + r, middle + r)], "white", stroke)
        pen.line([(x - r, middle + r), (x + r, middle - r)], "white", stroke)
    elif state is MaskState.INCORRECT:
        pen.line([(x, middle - r * 1.1), (x, middle + r * 0.35)], "white", stroke + 1)
        dot = (stroke + 1) / 2
        pen.ellipse([x - dot, middle + r * 1.1 - 2 * dot, x + dot, middle + r * 1.1], "white")
    else:
        pen.text((x, middle), SYMBOLS[state], "white", _font(round(size * 1.1)), anchor="mm")
