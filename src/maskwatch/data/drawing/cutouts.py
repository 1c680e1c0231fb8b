"""Real masks, cut out of faces that wear them and laid onto bare ones: well, and wrongly.

Drawn cloth is smoother and evener than any that people wear; this one has its folds, its wear and
the light that fell on it. Where the cloth ends is found by colour (GrabCut, Rother et al. 2004),
from an outline that the landmarks give.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.data.drawing.face import Outline, blend, ellipse, light_level
from maskwatch.data.drawing.head import Head
from maskwatch.data.drawing.masks import (
    NOSE_Y,
    WHITE,
    Colour,
    Placement,
    draw_straps,
    outline_of,
    seen_side,
    usual_top,
    without_nose,
)
from maskwatch.data.drawing.sheet import Sheet, beside_head, onto_head, seen_from_the_front
from maskwatch.types import Floats, Image

LEAST_MASKED_SIDE_PX = 48
"""Of a face's short side: masks of smaller ones have no folds to see."""
_SHEET = Sheet()
_ROUNDS = 4
_MOST_LIKE = 1.35
_LEAST_UNLIKE, _MOST_SKIN = 11, 0.035
_LIGHTNESS_COUNTS = np.array([0.2, 1, 1], np.float32)
"""Of a colour's lightness, red and yellow: a chin is often darker than a nose."""
_ROOM_PX = 9
_WHOLE, _BARE = 0.95, 0.15
_STRAPPED = 0.6
_NOSE_OVER_IT = 0.6
_ON_THE_BROW, _LEAST_LIFT = 0.4, 0.6
_LEAST_SEEN, _LEAST_CHANGED = 0.3, 0.01
_TRIES, _SAME_TURN_DEG = 12, 15
_WORN_SO = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class MaskCutout:
    """A mask seen from the front, in the coordinates of the face that wears it.

    `picture` (128, 128, 3) RGB, x from -2.1 to 2.1 and y from -0.7 to 3.5 in face coordinates;
    `cover` (128, 128) of 0 or 1, where the mask is; `yaw_deg` how far the head was turned; `top`
    and `bottom`, the y of its edges below the nose; `placement`, how it was worn.
    """

    picture: Image
    cover: NDArray[np.uint8]
    yaw_deg: float
    top: float
    bottom: float
    placement: Placement = Placement.WORN


@dataclass(frozen=True, slots=True)
class _Search:
    """Where a mask that is worn so begins at the earliest, how much of the usual outline it fills
    at least, where its middle is, what it covers for certain, what it leaves bare."""

    earliest: float
    least_like: float
    middle: tuple[float, float]
    within: Outline
    covered: Outline
    bare: Outline | None = None


_SEARCHES = {
    Placement.WORN: _Search(
        -0.7, 0.7, (0, 1.1), ellipse(0, 1.1, 0.55, 0.3), ellipse(0, 1.05, 0.85, 0.5)
    ),
    Placement.NOSE_OUT: _Search(
        0.4,
        0.45,
        (0, 1.25),
        ellipse(0, 1.25, 0.45, 0.2),
        ellipse(0, 1.25, 0.6, 0.25),
        ellipse(0, 0.4, 0.3, 0.15),
    ),
}


def cut_mask(
    image: Image, landmarks: Floats, placement: Placement = Placement.WORN
) -> MaskCutout | None:
    """The mask of a face that wears one so; None where its edges are not found.

    Args:
        image: RGB, shape (h, w, 3).
        landmarks: shape (5, 2) in pixels.
        placement: worn well, or with the nose out.
    """
    head, search = Head(landmarks), _SEARCHES[placement]
    picture, is_seen = seen_from_the_front(image, head)
    likely = _SHEET.filled(outline_of(Placement.WORN)) * is_seen.astype(np.uint8)
    bare = np.zeros_like(likely) if search.bare is None else _SHEET.filled(search.bare)
    likely[bare > 0] = 0
    cover = _by_colour(picture, likely, _SHEET.filled(search.within))
    # Beyond the outline lies what only has the mask's colour: clothes, the smeared rim.
    near = cv2.dilate(likely, np.ones((_ROOM_PX, _ROOM_PX), np.uint8))
    cover = _part_at(cover * near.astype(np.uint8), np.array(search.middle))
    alike = cover.sum() / max(int(likely.sum()), 1)
    if not search.least_like <= alike <= _MOST_LIKE or _share(cover, search.covered) < _WHOLE:
        return None
    if bare.any() and (cover[bare > 0].mean() > _BARE or _is_skin(picture, cover, bare)):
        return None
    column = _SHEET.side // 2
    rows = np.flatnonzero(cover[:, column - 3 : column + 3].mean(axis=1) > 0.5)
    if not len(rows) or (top := _SHEET.y_of(rows[0])) < search.earliest:
        return None
    return MaskCutout(picture, cover, head.yaw_deg, top, _SHEET.y_of(rows[-1] + 1), placement)


def lay_mask(
    image: Image,
    landmarks: Floats,
    cutout: MaskCutout,
    placement: Placement,
    rng: np.random.Generator,
) -> Image:
    """A copy of the picture with a cut-out mask laid onto one face.

    Where most of the mask would lie beyond the picture's edge, it stays as it is.

    Args:
        image: RGB, shape (h, w, 3).
        landmarks: shape (5, 2) in pixels: eyes, nose, corners of the mouth.
        cutout: the mask.
        placement: where the mask sits.
        rng: chooses how far it slips, how it is tinted, whether it is mirrored.
    """
    head = Head(landmarks)
    is_as_it_was = placement is cutout.placement
    is_slipped = placement is Placement.NOSE_OUT and not is_as_it_was
    is_nose_over_it = is_slipped and rng.random() < _NOSE_OVER_IT
    moved = _slipped(cutout, placement, is_nose_over_it, rng)
    flat, cover = _tinted(cutout.picture, rng), cutout.cover.astype(np.float32)
    side = 0
    if placement is Placement.HANGING:
        side = seen_side(head, 1 if rng.random() < 0.5 else -1)
        cloth, cover = beside_head(flat, cover, head, side, image.shape, moved)
    elif _fits(cutout, moved, head, image.shape):
        if is_nose_over_it:
            cover = without_nose(cover, rng, moved)
        cloth, cover = onto_head(flat, cover, head, image.shape, moved)
    else:
        return image.copy()
    out = image.astype(np.float32)
    shade = light_level(image, head.unit)
    shade = shade / max(float(np.average(shade, weights=cover + 1e-6)), 0.1)
    # A thin shadow where the cloth stands off the skin.
    below = cv2.GaussianBlur(cover, (0, 0), max(head.unit / 12, 0.8))
    blend(out, np.zeros(3, np.float32), below * np.float32(rng.uniform(0, 0.35)))
    colour = _strap_colour(cutout, rng)
    if placement is Placement.HANGING:
        draw_straps(image, out, head, placement, (side,), colour)
    else:
        drop = float((moved @ [0, cutout.top, 1])[1]) - usual_top(placement)
        is_on_the_brow = placement is Placement.EYES and drop < -_LEAST_LIFT / 2
        if not is_on_the_brow and rng.random() < _STRAPPED:
            draw_straps(image, out, head, placement, (-1, 1), colour, drop)
    soft = cv2.GaussianBlur(cover, (0, 0), max(head.unit / 40, 0.5))
    blend(out, cloth * shade[..., None], np.asarray(soft, np.float32))
    return np.clip(out, 0, 255).astype(np.uint8)


def shows(picture: Image, plain: Image) -> bool:
    """Whether what was drawn can be seen: what hangs from a chin may lie beyond the picture.

    Args:
        picture: RGB, shape (h, w, 3).
        plain: the same before.
    """
    return bool(np.any(picture != plain, axis=2).mean() >= _LEAST_CHANGED)


def cutout_like(
    cutouts: Sequence[MaskCutout],
    landmarks: Floats,
    rng: np.random.Generator,
    placement: Placement = Placement.WORN,
) -> MaskCutout:
    """One of the masks, of a head turned about as far as this one.

    Half of those that are to leave a nose out are masks that were worn so, if there are any.

    Args:
        cutouts: at least one that was worn well.
        landmarks: of the face that it is for, shape (5, 2).
        rng: what chooses.
        placement: where the mask is to sit.
    """
    worn_so = [cutout for cutout in cutouts if cutout.placement is placement]
    if placement is Placement.WORN or not worn_so or rng.random() >= _WORN_SO:
        worn_so = [cutout for cutout in cutouts if cutout.placement is Placement.WORN]
    turn = abs(Head(landmarks).yaw_deg)
    some = [worn_so[int(i)] for i in rng.integers(0, len(worn_so), _TRIES)]
    away = [abs(abs(cutout.yaw_deg) - turn) for cutout in some]
    near = [i for i in range(_TRIES) if away[i] < _SAME_TURN_DEG]
    return some[near[0] if near else int(np.argmin(away))]


def _slipped(
    cutout: MaskCutout, placement: Placement, is_under_the_nose: bool, rng: np.random.Generator
) -> NDArray[np.float64]:
    """From the cut-out's face coordinates to where they lie on another face, shape (3, 3).

    Of one that hangs, about the middle of where it does.
    """
    wide = rng.uniform(0.94, 1.18)
    if placement is Placement.HANGING:
        return _hanging(rng, wide)
    if placement is Placement.NOSE_OUT and placement is cutout.placement:
        top = cutout.top + rng.uniform(-0.05, 0.08)
        bottom = cutout.bottom + rng.uniform(-0.08, 0.1)
    elif placement is Placement.WORN:
        top = min(cutout.top + rng.uniform(-0.08, 0.06), NOSE_Y - 0.12)
        bottom = cutout.bottom + rng.uniform(-0.08, 0.1)
    elif placement is Placement.NOSE_OUT:
        # From just below the tip of the nose to just above the lips.
        top = rng.uniform(NOSE_Y + 0.02, 0.92)
        if is_under_the_nose:
            top = rng.uniform(NOSE_Y - 0.3, NOSE_Y + 0.05)
        bottom = max(cutout.bottom, 1.75) + rng.uniform(0, 0.25)
    elif placement is Placement.EYES:
        top, bottom = rng.uniform(-0.6, -0.4), rng.uniform(0.35, 0.5)
        lift = rng.uniform(_LEAST_LIFT, 1.0) * (rng.random() < _ON_THE_BROW)
        top, bottom = top - lift, bottom - lift
    else:
        top = rng.uniform(1.2, 1.95)
        bottom = top + rng.uniform(0.5, 0.9)
    tall = (bottom - top) / (cutout.bottom - cutout.top)
    lean = np.radians(rng.normal(0, 4))
    mirror = 1 if rng.random() < 0.5 else -1
    return np.array(
        [
            [mirror * wide, -np.sin(lean), 0],
            [mirror * np.sin(lean), tall, top - tall * cutout.top],
            [0, 0, 1],
        ]
    )


def _fits(
    cutout: MaskCutout, moved: NDArray[np.float64], head: Head, shape: tuple[int, ...]
) -> bool:
    """Whether enough of the mask would lie within a picture of this shape."""
    xy = Sheet().middles()[::4, ::4][cutout.cover[::4, ::4] > 0]
    xs, ys = head.points(xy @ moved[:2, :2].T + moved[:2, 2]).T
    within = (xs >= 0) & (ys >= 0) & (xs < shape[1]) & (ys < shape[0])
    return bool(within.mean() >= _LEAST_SEEN)


def _strap_colour(cutout: MaskCutout, rng: np.random.Generator) -> Colour:
    """White, or the cloth's own: black masks have black straps."""
    if rng.random() < 0.5:
        return WHITE
    red, green, blue = np.median(cutout.picture[cutout.cover > 0], axis=0)
    return int(red), int(green), int(blue)


def _hanging(rng: np.random.Generator, wide: float) -> NDArray[np.float64]:
    """On its side, smaller than when it is worn, about the middle of where it hangs."""
    angle = np.radians(rng.uniform(60, 110)) * (1 if rng.random() < 0.5 else -1)
    small = wide * rng.uniform(0.6, 0.85)
    turn = small * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn[0] *= rng.uniform(0.9, 1.4)
    middle = rng.uniform(-0.17, 0.17), rng.uniform(-0.3, 0.4)
    return np.block([[turn, (middle - turn @ [0, 1.1])[:, None]], [np.array([[0, 0, 1]])]])


def _by_colour(
    picture: Image, likely: NDArray[np.uint8], certain: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Where the picture has the colours of the certain part rather than of its surroundings."""
    seen = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seen[certain > 0] = cv2.GC_FGD
    seen[: int(_SHEET.cells(np.zeros(2))[1])] = cv2.GC_BGD
    seen[:, :4] = seen[:, -4:] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    inside, outside = np.zeros((1, 65)), np.zeros((1, 65))
    whole = (0, 0, _SHEET.side, _SHEET.side)  # Ignored: `seen` says where to begin.
    cv2.grabCut(picture, seen, whole, outside, inside, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    cover: NDArray[np.uint8] = np.isin(seen, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(cover, cv2.MORPH_CLOSE, np.ones((5, 5))), np.uint8)


def _is_skin(picture: Image, cover: NDArray[np.uint8], bare: NDArray[np.uint8]) -> bool:
    """Whether much of what was found has the colour of the bare nose: lips, a beard, no mask."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32) * _LIGHTNESS_COUNTS
    skin = np.median(lab[bare > 0], axis=0)
    away = np.linalg.norm(lab[cover > 0] - skin, axis=1)
    return float((away < _LEAST_UNLIKE).mean()) > _MOST_SKIN


def _share(cover: NDArray[np.uint8], outline: Outline) -> float:
    """How much of an outline is covered."""
    return float(cover[_SHEET.filled(outline) > 0].mean())


def _part_at(cover: NDArray[np.uint8], xy: Outline) -> NDArray[np.uint8]:
    """The connected part that holds a point of the face, (2,)."""
    x, y = np.round(_SHEET.cells(xy)).astype(int)
    _, parts = cv2.connectedComponents(cover)
    return np.asarray((parts == parts[y, x]) & (cover > 0), np.uint8)


def _tinted(picture: Image, rng: np.random.Generator) -> Image:
    """Brighter or darker, now and then of another colour."""
    if rng.random() < 0.3:
        hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + int(rng.integers(0, 180))) % 180
        picture = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.94, 1.06, 3)
    return np.clip(picture * gain, 0, 255).astype(np.uint8)
