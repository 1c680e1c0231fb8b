"""Real masks, cut out of faces that wear them and laid onto bare ones: well, and wrongly.

Drawn cloth is smoother and evener than any that people wear; this one has its folds, its wear and
the light that fell on it. Where the cloth ends is found by colour (GrabCut, Rother et al. 2004),
from an outline that the landmarks give.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.data.drawing.face import FaceFrame, Outline, blend, ellipse, light_level, nose
from maskwatch.data.drawing.masks import (
    WHITE,
    Colour,
    Placement,
    draw_straps,
    outline_of,
    usual_top,
)
from maskwatch.types import Floats, Image

LEAST_MASKED_SIDE_PX = 48
"""Of a face's short side: masks of smaller ones have no folds to see."""
_SIDE = 128
_X0, _Y0, _SPAN = -2.1, -0.7, 4.2
_ROUNDS = 4
_LEAST_LIKE, _MOST_LIKE = 0.7, 1.35
_ROOM_PX = 9
_WHOLE = 0.95
_STRAPPED = 0.6
_NOSE_OVER_IT = 0.6
_ON_THE_BROW, _LEAST_LIFT = 0.4, 0.6
_LEAST_SEEN, _LEAST_CHANGED = 0.3, 0.01
_TRIES, _SAME_TURN = 12, 0.2
_Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class MaskCutout:
    """A mask seen in the coordinates of the face that wears it.

    `picture` (128, 128, 3) RGB, x from -2.1 to 2.1 and y from -0.7 to 3.5 in face coordinates;
    `cover` (128, 128) of 0 or 1, where the mask is; `nose_x` how far the head is turned; `top` and
    `bottom`, the y of its edges below the nose.
    """

    picture: Image
    cover: NDArray[np.uint8]
    nose_x: float
    top: float
    bottom: float


def cut_mask(image: Image, landmarks: Floats) -> MaskCutout | None:
    """The mask of a face that wears one well; None where its edges are not found.

    Args:
        image: RGB, shape (h, w, 3).
        landmarks: shape (5, 2) in pixels.
    """
    face = FaceFrame(landmarks)
    picture = np.asarray(
        cv2.warpAffine(
            image,
            _to_pixels(face.across, face.down, face.origin),
            (_SIDE, _SIDE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )
    likely = _filled(outline_of(face, Placement.WORN))
    x, y = face.nose_x * 0.7, 1.1
    middle = _cells(np.array([[x, y]]))[0]
    cover = _by_colour(picture, likely, _filled(ellipse(x, y, 0.55, 0.3)))
    # Beyond the outline lies what only has the mask's colour: clothes, the smeared rim.
    near = cv2.dilate(likely, np.ones((_ROOM_PX, _ROOM_PX), np.uint8))
    cover = _part_at(cover * near.astype(np.uint8), middle)
    core = _filled(ellipse(x, 1.05, 0.85, 0.5)) > 0
    alike = cover.sum() / max(int(likely.sum()), 1)
    if not _LEAST_LIKE <= alike <= _MOST_LIKE or cover[core].mean() < _WHOLE:
        return None
    column = int(np.clip(middle[0], 3, _SIDE - 4))
    rows = np.flatnonzero(cover[:, column - 3 : column + 4].mean(axis=1) > 0.5)
    if not len(rows):
        return None
    top, bottom = (_Y0 + _SPAN * row / _SIDE for row in (rows[0], rows[-1] + 1))
    return MaskCutout(picture, cover, face.nose_x, float(top), float(bottom))


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
        cutout: the mask; one of a head that is turned the other way is mirrored.
        placement: where the mask sits.
        rng: chooses how far it slips, how it is tinted.
    """
    face = FaceFrame(landmarks)
    mirror = -1.0 if cutout.nose_x * face.nose_x < 0 else 1.0
    is_nose_over_it = placement is Placement.NOSE_OUT and rng.random() < _NOSE_OVER_IT
    moved = _slipped(face, cutout, placement, is_nose_over_it, rng) @ np.diag([mirror, 1, 1])
    affine = np.column_stack([face.across, face.down, face.origin]) @ moved
    matrix = _to_pixels(affine[:, 0], affine[:, 1], affine[:, 2])
    size = (image.shape[1], image.shape[0])
    cloth = cv2.warpAffine(_tinted(cutout.picture, rng), matrix, size, flags=cv2.INTER_LINEAR)
    cover = cv2.warpAffine(cutout.cover.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    whole = cutout.cover.sum() * abs(float(np.linalg.det(matrix[:, :2])))
    if cover.sum() < _LEAST_SEEN * whole:
        return image.copy()
    if is_nose_over_it:
        cover = np.asarray(cover * (1 - nose(image, face, rng)))
    soft = cv2.GaussianBlur(cover, (0, 0), max(face.unit / 40, 0.5))
    out = image.astype(np.float32)
    shade = light_level(image, face)
    shade = shade / max(float(np.average(shade, weights=cover + 1e-6)), 0.1)
    # A thin shadow where the cloth stands off the skin.
    below = cv2.GaussianBlur(cover, (0, 0), max(face.unit / 12, 0.8))
    blend(out, np.zeros(3, np.float32), below * np.float32(rng.uniform(0, 0.35)))
    drop = float((moved @ [0, cutout.top, 1])[1]) - usual_top(placement)
    is_on_the_brow = placement is Placement.EYES and drop < -_LEAST_LIFT / 2
    if placement is not Placement.HANGING and not is_on_the_brow and rng.random() < _STRAPPED:
        draw_straps(image, out, face, placement, (-1, 1), _strap_colour(cutout, rng), drop)
    blend(out, cloth.astype(np.float32) * shade[..., None], np.asarray(soft, np.float32))
    return np.clip(out, 0, 255).astype(np.uint8)


def shows(picture: Image, plain: Image) -> bool:
    """Whether what was drawn can be seen: what hangs from a chin may lie beyond the picture.

    Args:
        picture: RGB, shape (h, w, 3).
        plain: the same before.
    """
    return bool(np.any(picture != plain, axis=2).mean() >= _LEAST_CHANGED)


def cutout_like(
    cutouts: Sequence[MaskCutout], landmarks: Floats, rng: np.random.Generator
) -> MaskCutout:
    """One of the masks, of a head turned about as far as this one.

    Args:
        cutouts: at least one.
        landmarks: of the face that it is for, shape (5, 2).
        rng: what chooses.
    """
    turn = abs(FaceFrame(landmarks).nose_x)
    some = [cutouts[int(i)] for i in rng.integers(0, len(cutouts), _TRIES)]
    away = [abs(abs(cutout.nose_x) - turn) for cutout in some]
    near = [i for i in range(_TRIES) if away[i] < _SAME_TURN]
    return some[near[0] if near else int(np.argmin(away))]


def _slipped(
    face: FaceFrame,
    cutout: MaskCutout,
    placement: Placement,
    is_under_the_nose: bool,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """From the cut-out's face coordinates to where they lie on this face, shape (3, 3)."""
    wide = rng.uniform(0.94, 1.18)
    if placement is Placement.HANGING:
        return _hanging(rng, wide)
    slack = face.nose_y - 0.62
    if placement is Placement.WORN:
        top = min(cutout.top + slack + rng.uniform(-0.08, 0.06), face.nose_y - 0.12)
        bottom = cutout.bottom + rng.uniform(-0.08, 0.1)
    elif placement is Placement.NOSE_OUT:
        # From just below the tip of the nose to just above the lips.
        top = rng.uniform(face.nose_y + 0.02, max(0.92, face.nose_y + 0.14))
        if is_under_the_nose:
            top = rng.uniform(face.nose_y - 0.3, face.nose_y + 0.05)
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
    shift = face.nose_x - np.sign(face.nose_x) * abs(cutout.nose_x)
    return np.array(
        [
            [wide, -np.sin(lean), 0.5 * shift],
            [np.sin(lean), tall, top - tall * cutout.top],
            [0, 0, 1],
        ]
    )


def _strap_colour(cutout: MaskCutout, rng: np.random.Generator) -> Colour:
    """White, or the cloth's own: black masks have black straps."""
    if rng.random() < 0.5:
        return WHITE
    red, green, blue = np.median(cutout.picture[cutout.cover > 0], axis=0)
    return int(red), int(green), int(blue)


def _hanging(rng: np.random.Generator, wide: float) -> NDArray[np.float64]:
    """Beside the face, on its edge, from one ear."""
    side = 1 if rng.random() < 0.5 else -1
    angle = side * np.radians(rng.uniform(60, 110))
    small = wide * rng.uniform(0.6, 0.85)
    turn = small * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn[0] *= rng.uniform(0.7, 1.1)
    middle = np.array([side * rng.uniform(1.55, 1.9), rng.uniform(1.1, 1.8)])
    return np.block([[turn, (middle - turn @ [0, 1.1])[:, None]], [np.array([[0, 0, 1]])]])


def _to_pixels(across: _Array, down: _Array, origin: _Array) -> NDArray[np.float64]:
    """From cells of a cut-out to pixels of a picture, shape (2, 3)."""
    cell = _SPAN / _SIDE
    corner = origin + across * _X0 + down * _Y0
    return np.asarray(np.column_stack([across * cell, down * cell, corner]), np.float64)


def _cells(xy: Outline) -> NDArray[np.int32]:
    """Face coordinates (n, 2) as cells of a cut-out."""
    return np.round((xy - [_X0, _Y0]) * (_SIDE / _SPAN)).astype(np.int32)


def _filled(outline: Outline) -> NDArray[np.uint8]:
    cover: NDArray[np.uint8] = np.zeros((_SIDE, _SIDE), np.uint8)
    cv2.fillPoly(cover, [_cells(outline)], 1)
    return cover


def _by_colour(
    picture: Image, likely: NDArray[np.uint8], certain: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Where the picture has the colours of the certain part rather than of its surroundings."""
    seen = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seen[certain > 0] = cv2.GC_FGD
    eyes = int(-_Y0 * _SIDE / _SPAN)
    seen[:eyes] = cv2.GC_BGD
    seen[:, :4] = seen[:, -4:] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    inside, outside = np.zeros((1, 65)), np.zeros((1, 65))
    whole = (0, 0, _SIDE, _SIDE)  # Ignored: `seen` says where to begin.
    cv2.grabCut(picture, seen, whole, outside, inside, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    cover: NDArray[np.uint8] = np.isin(seen, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(cover, cv2.MORPH_CLOSE, np.ones((5, 5))), np.uint8)


def _part_at(cover: NDArray[np.uint8], cell: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The connected part that holds a cell."""
    x, y = np.clip(cell, 0, _SIDE - 1)
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
