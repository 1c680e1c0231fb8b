"""Masks that were cut out, laid onto other faces: well, and wrongly."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.data.drawing.cutouts import MaskCutout
from maskwatch.data.drawing.face import blend, light_level
from maskwatch.data.drawing.head import NOSE_Y, Head
from maskwatch.data.drawing.masks import (
    WHITE,
    Colour,
    Placement,
    draw_straps,
    seen_side,
    usual_top,
    without_nose,
)
from maskwatch.data.drawing.sheet import MIDDLE, Beside, Place, Sheet, laid
from maskwatch.types import Floats, Image

_LEAST_OUT = NOSE_Y - 0.05
"""The y of the upper edge of a mask that leaves a nose out as it was worn: its tip is free."""
_STRAPPED = 0.6
_NOSE_OVER_IT = 0.6
_ON_THE_BROW, _LEAST_LIFT = 0.4, 0.6
_LEAST_SEEN, _LEAST_CHANGED = 0.3, 0.01
_TRIES, _SAME_TURN_DEG = 12, 15
_WORN_SO = 0.5


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
    is_slipped = placement is Placement.NOSE_OUT and placement is not cutout.placement
    is_nose_over_it = is_slipped and rng.random() < _NOSE_OVER_IT
    moved = _slipped(cutout, placement, is_nose_over_it, rng)
    side = seen_side(head, 1 if rng.random() < 0.5 else -1)
    place: Place = Beside(head, side) if placement is Placement.HANGING else head
    if not _fits(cutout, moved, place, image.shape):
        return image.copy()
    worn = without_nose(cutout.cover, rng, moved) if is_nose_over_it else cutout.cover
    cloth, cover = laid(_tinted(cutout.picture, rng), worn, place, image.shape, moved)
    out = image.astype(np.float32)
    # A thin shadow where the cloth stands off the skin.
    below = cv2.GaussianBlur(cover, (0, 0), max(head.unit / 12, 0.8))
    blend(out, np.zeros(3, np.float32), below * np.float32(rng.uniform(0, 0.35)))
    top = float((moved @ [0, cutout.top, 1])[1])
    _draw_some_straps(image, out, head, placement, side, top, _strap_colour(cutout, rng), rng)
    shade = light_level(image, head.unit)
    shade = shade / max(float(np.average(shade, weights=cover + 1e-6)), 0.1)
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
        cutouts: at least one.
        landmarks: of the face that it is for, shape (5, 2).
        rng: what chooses.
        placement: where the mask is to sit.
    """
    worn_so = [cutout for cutout in cutouts if cutout.placement is placement]
    if placement is Placement.WORN or not worn_so or rng.random() >= _WORN_SO:
        well = [cutout for cutout in cutouts if cutout.placement is Placement.WORN]
        worn_so = well or list(cutouts)
    turn = abs(Head(landmarks).yaw_deg)
    some = [worn_so[int(i)] for i in rng.integers(0, len(worn_so), _TRIES)]
    away = [abs(abs(cutout.yaw_deg) - turn) for cutout in some]
    near = [i for i in range(_TRIES) if away[i] < _SAME_TURN_DEG]
    return some[near[0] if near else int(np.argmin(away))]


def _slipped(
    cutout: MaskCutout, placement: Placement, is_under_the_nose: bool, rng: np.random.Generator
) -> NDArray[np.float64]:
    """From the cut-out's face coordinates to where they lie on another face, shape (3, 3).

    Of one that hangs, to those of `Beside`.
    """
    wide = rng.uniform(0.94, 1.18)
    if placement is Placement.HANGING:
        return _hanging(rng, wide)
    if placement is Placement.NOSE_OUT and placement is cutout.placement:
        top = max(cutout.top + rng.uniform(-0.05, 0.08), _LEAST_OUT)
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
    cutout: MaskCutout, moved: NDArray[np.float64], place: Place, shape: tuple[int, ...]
) -> bool:
    """Whether enough of the mask would lie within a picture of this shape."""
    xy = Sheet().middles()[::4, ::4][cutout.cover[::4, ::4] > 0]
    xs, ys = place.points(xy @ moved[:2, :2].T + moved[:2, 2]).T
    within = (xs >= 0) & (ys >= 0) & (xs < shape[1]) & (ys < shape[0])
    return bool(within.mean() >= _LEAST_SEEN)


def _draw_some_straps(
    image: Image,
    out: Floats,
    head: Head,
    placement: Placement,
    side: int,
    top: float,
    colour: Colour,
    rng: np.random.Generator,
) -> None:
    """What hangs has a strap, a mask on the brow none, others often; over `out`, in place."""
    if placement is Placement.HANGING:
        draw_straps(image, out, head, placement, (side,), colour)
        return
    drop = top - usual_top(placement)
    is_on_the_brow = placement is Placement.EYES and drop < -_LEAST_LIFT / 2
    if not is_on_the_brow and rng.random() < _STRAPPED:
        draw_straps(image, out, head, placement, (-1, 1), colour, drop)


def _strap_colour(cutout: MaskCutout, rng: np.random.Generator) -> Colour:
    """White, or the cloth's own: black masks have black straps."""
    if rng.random() < 0.5:
        return WHITE
    red, green, blue = np.median(cutout.picture[cutout.cover > 0], axis=0)
    return int(red), int(green), int(blue)


def _hanging(rng: np.random.Generator, wide: float) -> NDArray[np.float64]:
    """On its side, smaller than when it is worn."""
    angle = np.radians(rng.uniform(60, 110)) * (1 if rng.random() < 0.5 else -1)
    small = wide * rng.uniform(0.6, 0.85)
    turn = small * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn[0] *= rng.uniform(0.9, 1.4)
    middle = np.add(MIDDLE, (rng.uniform(-0.17, 0.17), rng.uniform(-0.3, 0.4)))
    return np.block([[turn, (middle - turn @ MIDDLE)[:, None]], [np.array([[0, 0, 1]])]])


def _tinted(picture: Image, rng: np.random.Generator) -> Image:
    """Brighter or darker, now and then of another colour."""
    if rng.random() < 0.3:
        hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + int(rng.integers(0, 180))) % 180
        picture = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.94, 1.06, 3)
    return np.clip(picture * gain, 0, 255).astype(np.uint8)
