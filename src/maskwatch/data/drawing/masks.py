"""Masks drawn by code onto bare faces: worn well, under the nose, on the chin, hanging."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.data.drawing.face import (
    FaceFrame,
    Outline,
    blend,
    ellipse,
    light_level,
    line,
    symmetric,
)
from maskwatch.data.drawing.head import NOSE_Y, Head
from maskwatch.data.drawing.sheet import Beside, Sheet, laid
from maskwatch.types import Floats, Image, MaskState


class Placement(StrEnum):
    """Where a drawn mask sits."""

    WORN = "worn"
    NOSE_OUT = "nose out"
    CHIN = "chin"
    HANGING = "hanging"
    EYES = "over the eyes"

    @property
    def state(self) -> MaskState:
        """The state of a face that wears its mask there."""
        return MaskState.MASK if self is Placement.WORN else MaskState.INCORRECT


Colour = tuple[int, int, int]
Print = Literal["plain", "checks", "dots", "mouth"]
_NOSE_OVER_IT, _HIGHER = 0.5, 0.4
"""How often the nose is over the cloth, which may lie that much higher then."""
WHITE: Colour = (215, 215, 215)
_SIDE_OF_UNIT, _SHEET_SIDES = 5, (128, 640)
"""A sheet has somewhat more cells than the picture has pixels there."""


@dataclass(frozen=True, slots=True)
class MaskStyle:
    """How a drawn mask looks: its colour as RGB 0..255, folds, what is printed on it."""

    colour: Colour = (150, 190, 215)
    folds: int = 3
    print: Print = "plain"
    second_colour: Colour = (120, 40, 50)
    straps: bool = True
    valve: bool = False


# The right half of the outline, from the middle of the upper edge to the middle of the lower.
_OUTLINES = {
    Placement.WORN: [
        (0, 0.24), (0.55, 0.4), (1.5, 0.5), (1.58, 0.95), (1.3, 1.45), (0.65, 1.85), (0, 1.95),
    ],
    Placement.NOSE_OUT: [
        (0, 0.78), (0.6, 0.78), (1.5, 0.72), (1.55, 1.15), (1.25, 1.55), (0.65, 1.9), (0, 2.0),
    ],
    Placement.CHIN: [
        (0, 1.35), (0.6, 1.3), (1.4, 1.1), (1.45, 1.4), (1.2, 1.75), (0.65, 2.1), (0, 2.2),
    ],
    Placement.EYES: [
        (0, -0.45), (0.7, -0.45), (1.6, -0.35), (1.65, 0.0), (1.5, 0.35), (0.7, 0.45), (0, 0.4),
    ],
}  # fmt: skip
# How far the upper edge may move, down being positive.
_ROOM = {
    Placement.WORN: (-0.1, 0.12),
    Placement.NOSE_OUT: (-0.14, 0.14),
    Placement.CHIN: (-0.1, 0.65),
    Placement.EYES: (-0.15, 0.1),
}
# Of one that hangs beside a face, its middle where that of a worn one is.
_HANGING = [(-0.5, 0.4), (0.45, 0.3), (0.65, 1.05), (0.35, 1.85), (-0.4, 1.95), (-0.65, 1.15)]
_STRAPS = {
    Placement.WORN: [((1.5, 0.52), (2.3, 0.2)), ((1.45, 1.3), (2.25, 0.75))],
    Placement.NOSE_OUT: [((1.5, 0.76), (2.3, 0.25)), ((1.4, 1.4), (2.25, 0.8))],
    Placement.CHIN: [((1.4, 1.15), (2.3, 0.3)), ((1.35, 1.55), (2.25, 0.8))],
    Placement.HANGING: [((1.6, 0.75), (2.3, 0.15)), ((1.9, 1.5), (2.3, 0.15))],
    Placement.EYES: [((1.6, -0.3), (2.3, 0.15)), ((1.5, 0.3), (2.3, 0.15))],
}


def draw_mask(
    image: Image,
    landmarks: Floats,
    placement: Placement,
    style: MaskStyle,
    rng: np.random.Generator | None = None,
) -> Image:
    """A copy of the picture with a mask drawn onto one face.

    Args:
        image: RGB, shape (h, w, 3).
        landmarks: shape (5, 2) in pixels: eyes, nose, corners of the mouth.
        placement: where the mask sits.
        style: how it looks.
        rng: moves edges and corners a little; None draws the same mask every time.
    """
    head = Head(landmarks)
    side = seen_side(head, 1 if rng is None or rng.random() < 0.5 else -1)
    outline = _outline(placement, rng)
    sheet = Sheet(int(np.clip(head.unit * _SIDE_OF_UNIT, *_SHEET_SIDES)))
    if placement is Placement.NOSE_OUT and rng is not None and rng.random() < _NOSE_OVER_IT:
        outline[:, 1] -= rng.uniform(0, _HIGHER)
        cover: NDArray[Any] = without_nose(sheet.filled(outline), rng)
    else:
        cover = sheet.filled(outline)
    flat = _cloth(sheet, style)
    is_beside = placement is Placement.HANGING
    place = Beside(head, side) if is_beside else head
    cloth, covered = laid(flat, cover, place, image.shape)
    out = image.astype(np.float32)
    level = light_level(image, head.unit)
    if style.straps or is_beside:
        sides = (side,) if is_beside else (-1, 1)
        drop = 0.0 if is_beside else float(outline[0, 1]) - usual_top(placement)
        draw_straps(image, out, head, placement, sides, _strap_colour(style, rng), drop)
    soft = cv2.GaussianBlur(covered, (0, 0), max(head.unit / 25, 0.4))
    blend(out, cloth * level[..., None], np.asarray(soft, np.float32))
    return np.clip(out, 0, 255).astype(np.uint8)


def draw_random_mask(
    image: Image, landmarks: Floats, placement: Placement, rng: np.random.Generator
) -> Image:
    """As `draw_mask`, with a style and edges that the dice choose."""
    if placement is Placement.EYES:
        style = _medical_style(rng)
    else:
        style = random_style(rng, FaceFrame(landmarks).skin(image))
    return draw_mask(image, landmarks, placement, style, rng)


def _medical_style(rng: np.random.Generator) -> MaskStyle:
    """A pleated mask as in hospitals: over the eyes, nothing else tells it from a carnival's."""
    colours: list[Colour] = [(150, 190, 215), (225, 230, 232), (150, 205, 195)]
    return MaskStyle(colours[int(rng.integers(len(colours)))], folds=3)


def outline_of(placement: Placement) -> Outline:
    """The outline of a mask in face coordinates, shape (n, 2); of one that hangs, `Beside` it."""
    if placement is Placement.HANGING:
        return np.array(_HANGING)
    return symmetric(_OUTLINES[placement])


def usual_top(placement: Placement) -> float:
    """The y of the upper edge's middle where a mask sits so on a face, in face coordinates."""
    return _OUTLINES[placement][0][1]


def without_nose(
    cover: NDArray[Any], rng: np.random.Generator, moved: NDArray[np.float64] | None = None
) -> Floats:
    """A mask's cover (side, side) where the nose and its wings are over it.

    Args:
        cover: on its sheet, 0..1.
        rng: chooses how large the nose is.
        moved: from the sheet's face coordinates to those where the mask lies on a head, (3, 3).
    """
    width, height = rng.uniform(0.42, 0.62), rng.uniform(0.26, 0.36)
    middle = NOSE_Y + rng.uniform(0.06, 0.14) - height
    outline = ellipse(0, middle, width, height)
    if moved is not None:
        back = np.linalg.inv(moved)
        outline = outline @ back[:2, :2].T + back[:2, 2]
    sheet = Sheet(cover.shape[0])
    nose = cv2.GaussianBlur(sheet.filled(outline).astype(np.float32), (0, 0), sheet.unit / 40)
    return np.asarray(cover * (1 - nose), np.float32)


def seen_side(head: Head, side: int) -> int:
    """The side, -1 or 1, or the other where that one is turned away."""
    return side if head.facing(np.array([side * 1.75, 1.0])) > 0 else -side


def random_style(rng: np.random.Generator, skin: Floats | None = None) -> MaskStyle:
    """A style as people wear them: mostly plain blue, white, black; some of any colour or print.

    Args:
        rng: what chooses.
        skin: a colour, shape (3,), that some of the masks take: those of the skin's own colour.
    """
    common = [(150, 190, 215), (225, 230, 232), (35, 35, 40), (110, 165, 160), (190, 150, 130)]
    kind = rng.random()
    if kind < 0.6:
        base = np.array(common[rng.integers(len(common))], np.float64) + rng.integers(-25, 26, 3)
    elif kind < 0.7 and skin is not None:
        base = skin.astype(np.float64) + rng.integers(-12, 30)
    else:
        base = rng.integers(10, 246, 3).astype(np.float64)
    first, second = (
        (int(c[0]), int(c[1]), int(c[2]))
        for c in (np.clip(base, 5, 250).astype(int), rng.integers(0, 256, 3))
    )
    prints: list[Print] = ["plain", "checks", "dots", "mouth"]
    return MaskStyle(
        first,
        folds=int(rng.integers(0, 4)),
        print=prints[int(rng.choice(4, p=(0.75, 0.1, 0.1, 0.05)))],
        second_colour=second,
        straps=bool(rng.random() < 0.8),
        valve=bool(rng.random() < 0.1),
    )


def _strap_colour(style: MaskStyle, rng: np.random.Generator | None) -> Colour:
    """White, or the cloth's own: black masks have black straps."""
    return WHITE if rng is None or rng.random() < 0.5 else style.colour


def _outline(placement: Placement, rng: np.random.Generator | None) -> Outline:
    outline = outline_of(placement)
    if rng is None:
        return outline
    if placement is not Placement.HANGING:
        outline = symmetric(_moved(_OUTLINES[placement], placement, rng))
    return outline + rng.normal(0, 0.03, outline.shape)


def _moved(
    half: list[tuple[float, float]], placement: Placement, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """The upper edge higher or lower, without changing what it leaves free; other widths."""
    up_down = rng.uniform(*_ROOM[placement])
    width, depth = rng.uniform(0.85, 1.1), rng.uniform(-0.1, 0.15)
    if placement is Placement.CHIN:  # The whole of it may slip down to the neck.
        return [(x * width, y + up_down) for x, y in half]
    upper = [(x * width, y + up_down) for x, y in half[:2]]
    return upper + [(x * width, y + depth * (y > 1)) for x, y in half[2:]]


def _cloth(sheet: Sheet, style: MaskStyle) -> Floats:
    """Cloth over a whole sheet: colour, print and folds, shape (side, side, 3)."""
    x, y = np.moveaxis(sheet.middles(), 2, 0)
    cloth = np.empty((sheet.side, sheet.side, 3), np.float32)
    cloth[:] = style.colour
    if style.print == "checks":
        cloth[(np.floor(x * 3) + np.floor(y * 4)) % 2 == 0] = style.second_colour
    elif style.print == "dots":
        cloth[(np.mod(x * 2.5, 1) - 0.5) ** 2 + (np.mod(y * 2.5, 1) - 0.5) ** 2 < 0.06] = (
            style.second_colour
        )
    elif style.print == "mouth":
        cloth[sheet.filled(ellipse(0, 1.1, 0.55, 0.2)) > 0] = (190, 60, 70)
        cloth[sheet.filled(ellipse(0, 1.1, 0.4, 0.07)) > 0] = (240, 235, 225)
    if style.valve:
        cloth[sheet.filled(ellipse(0.45, 1.15, 0.28, 0.2)) > 0] *= 0.8
    shade = 1.06 - 0.08 * np.abs(x) ** 2 - 0.08 * np.maximum(y - 1, 0)
    for fold in range(style.folds):
        distance = np.abs(y - 0.85 - 0.3 * fold - 0.06 * (1 - x**2))
        shade -= 0.14 * np.exp(-((distance / 0.03) ** 2))
    return np.asarray(cloth * np.clip(shade, 0.5, 1.1)[..., None], np.float32)


def draw_straps(
    image: Image,
    out: Floats,
    head: Head,
    placement: Placement,
    sides: tuple[int, ...],
    colour: Colour = WHITE,
    drop: float = 0.0,
) -> None:
    """Straps from a mask to the ears, over `out`, in place, at these sides, -1 and 1.

    Where the mask sits lower than usual by `drop`, in face coordinates, they begin lower. A side
    that is turned away shows none.
    """
    painted = np.array(colour, np.float32) * light_level(image, head.unit)[..., None]
    for side in sides:
        for start, end in _STRAPS[placement]:
            ends = np.array([start, end]) * [side, 1] + [[0, drop], [0, 0]]
            if head.facing(ends.mean(axis=0)) > 0:
                blend(out, painted, line(image, head.points(ends), head.unit / 22))
