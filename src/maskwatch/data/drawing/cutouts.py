"""Real masks, cut out of the faces that wear them.

Drawn cloth is smoother and evener than any that people wear; this one has its folds, its wear and
the light that fell on it. Where the cloth ends is found by colour (GrabCut, Rother et al. 2004),
from an outline that the landmarks give.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.data.drawing.face import Outline, ellipse
from maskwatch.data.drawing.head import NOSE_Y, Head
from maskwatch.data.drawing.masks import Placement, outline_of
from maskwatch.data.drawing.sheet import MIDDLE, Sheet, seen_from_the_front
from maskwatch.errors import UsageError
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
        earliest=-0.7,
        least_like=0.7,
        middle=MIDDLE,
        within=ellipse(*MIDDLE, 0.55, 0.3),
        covered=ellipse(0, 1.05, 0.85, 0.5),
    ),
    Placement.NOSE_OUT: _Search(
        earliest=NOSE_Y - 0.05,
        least_like=0.45,
        middle=(0, 1.25),
        within=ellipse(0, 1.25, 0.45, 0.2),
        covered=ellipse(0, 1.25, 0.6, 0.25),
        bare=ellipse(0, 0.4, 0.3, 0.15),
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

    Raises:
        UsageError: masks that are worn in another way cannot be cut out.
    """
    if placement not in _SEARCHES:
        raise UsageError(f"masks worn {placement} are not cut out: name {' or '.join(_SEARCHES)}")
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
