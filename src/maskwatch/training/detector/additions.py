"""What is put into scenes: masks drawn onto bare faces, and faces cut out of other pictures."""

from dataclasses import dataclass

import numpy as np

from maskwatch.boxes import clip, short_side, squares
from maskwatch.data.drawing import Placement, draw_random_mask
from maskwatch.images import cut, resize
from maskwatch.types import CLASSES, Boxes, Floats, Image, MaskState

_NO_MASK = CLASSES.index(MaskState.NO_MASK)
_PLACEMENTS = (Placement.NOSE_OUT, Placement.CHIN, Placement.WORN, Placement.HANGING)
_PLACED = (0.4, 0.3, 0.2, 0.1)
_BARE = 0.8
_SMALLEST_DRAWN_ON, _SMALLEST_CUT = 24.0, 6.0
_MOST_ENLARGED = 2.0


def with_drawn_mask(
    image: Image, boxes: Boxes, states: Floats, landmarks: Floats, rng: np.random.Generator
) -> tuple[Image, Floats]:
    """A mask drawn onto one bare face: the picture and the states, changed where there is one.

    Args:
        image: left as it is.
        boxes: shape (n, 4).
        states: shape (n, 3), left as they are.
        landmarks: shape (n, 5, 2), NaN where they are not known.
        rng: chooses the face, the mask and where it sits.
    """
    bare = (
        np.isfinite(landmarks).all(axis=(1, 2))
        & (states[:, _NO_MASK] > _BARE)
        & (short_side(boxes) >= _SMALLEST_DRAWN_ON)
    )
    if not bare.any():
        return image, states
    row = int(rng.choice(np.flatnonzero(bare)))
    placement = _PLACEMENTS[int(rng.choice(len(_PLACEMENTS), p=_PLACED))]
    square = squares(boxes[row : row + 1], 0.5)[0]
    region = cut(image, square)
    corner = np.maximum(np.floor(square[:2]), 0)
    out = image.copy()
    cut(out, square)[...] = draw_random_mask(region, landmarks[row] - corner, placement, rng)
    changed = states.copy()
    changed[row] = 0.02
    changed[row, CLASSES.index(placement.state)] = 0.96
    return out, changed


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A face cut out as an oval: `image` (h, w, 3), `opacity` (h, w, 1), and in its pixels the
    face's `box` (4,) and `landmarks` (5, 2)."""

    image: Image
    opacity: Floats
    box: Floats
    landmarks: Floats

    def lay_on(self, image: Image, x: int, y: int) -> None:
        """Draw it into a picture with its corner at x, y."""
        height, width = self.image.shape[:2]
        below = image[y : y + height, x : x + width]
        below[...] = (below * (1 - self.opacity) + self.image * self.opacity).astype(np.uint8)


def cut_out(
    image: Image, box: Floats, landmarks: Floats, side: float, rng: np.random.Generator
) -> Patch | None:
    """A face with a little around it, scaled; None where it is too small for that.

    Args:
        image: RGB.
        box: of the face, shape (4,).
        landmarks: shape (5, 2), in pixels of the picture as the box.
        side: of the face in the patch, in pixels: the root of its area.
        rng: chooses how square the oval is.
    """
    size_wh = box[2:] - box[:2]
    grow = size_wh * np.array([0.25, 0.3])
    outer = np.concatenate([box[:2] - grow, box[2:] + grow])
    outer = clip(outer[None], image.shape[1], image.shape[0])[0].round()
    scale = side / float(np.sqrt(size_wh.prod()))
    if scale > _MOST_ENLARGED or short_side(outer[None])[0] < _SMALLEST_CUT:
        return None
    region = cut(image, outer)
    width, height = (max(4, round(length * scale)) for length in (region.shape[1], region.shape[0]))
    zoom = np.array([width / region.shape[1], height / region.shape[0]])
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    power = rng.uniform(2, 6)
    opacity = np.clip((1 - np.abs(x) ** power - np.abs(y) ** power) * 4, 0, 1)
    return Patch(
        resize(region, width, height),
        opacity[..., None].astype(np.float32),
        (box - np.tile(outer[:2], 2)) * np.tile(zoom, 2),
        (landmarks - outer[:2]) * zoom,
    )
