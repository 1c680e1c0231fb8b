"""Masks drawn by code onto bare faces: worn well, under the nose, on the chin.

Drawn masks make more of the rare wrongly worn ones; the same drawings worn well keep the drawing
itself from becoming the cue. The face's own coordinates: origin between the eyes, x = -1 and 1 at
the eyes, y = 1 at the mouth.
"""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.types import Floats, Image, MaskState


class Placement(StrEnum):
    """Where a drawn mask sits."""

    WORN = "worn"
    NOSE_OUT = "nose out"
    CHIN = "chin"

    @property
    def state(self) -> MaskState:
        """The state of a face that wears its mask there."""
        return MaskState.MASK if self is Placement.WORN else MaskState.INCORRECT


@dataclass(frozen=True, slots=True)
class MaskStyle:
    """How a drawn mask looks: its colour as RGB 0..255, folds, and stripes of a second colour."""

    colour: tuple[int, int, int] = (150, 190, 215)
    folds: int = 3
    stripes: tuple[int, int, int] | None = None
    straps: bool = True


# The right half of the outline, from the middle of the upper edge to the middle of the lower.
_OUTLINES = {
    Placement.WORN: [
        (0, 0.26), (0.55, 0.42), (1.5, 0.5), (1.58, 0.95), (1.3, 1.45), (0.65, 1.85), (0, 1.95),
    ],
    Placement.NOSE_OUT: [
        (0, 0.8), (0.6, 0.8), (1.5, 0.72), (1.55, 1.15), (1.25, 1.55), (0.65, 1.9), (0, 2.0),
    ],
    Placement.CHIN: [
        (0, 1.35), (0.6, 1.3), (1.4, 1.1), (1.45, 1.4), (1.2, 1.75), (0.65, 2.1), (0, 2.2),
    ],
}  # fmt: skip
_STRAPS = {
    Placement.WORN: [((1.5, 0.52), (2.05, 0.2)), ((1.45, 1.3), (2.05, 0.75))],
    Placement.NOSE_OUT: [((1.5, 0.76), (2.05, 0.25)), ((1.4, 1.4), (2.05, 0.8))],
    Placement.CHIN: [((1.4, 1.15), (2.05, 0.3)), ((1.35, 1.55), (2.05, 0.9))],
}
_SUBPIXEL_BITS = 4


def draw_mask(image: Image, landmarks: Floats, placement: Placement, style: MaskStyle) -> Image:
    """A copy of the picture with a mask drawn onto one face.

    Args:
        image: RGB, shape (h, w, 3).
        landmarks: shape (5, 2) in pixels: eyes, nose, corners of the mouth.
        placement: where the mask sits.
        style: how it looks.
    """
    face = _FaceFrame(landmarks)
    outline = face.points(_mirrored(_OUTLINES[placement], face.nose_x))
    cover = _filled(image, outline, soft=face.unit / 25)
    painted = _textured(image, face, style)
    out = image.astype(np.float32)
    if style.straps:
        _draw_straps(out, face, _STRAPS[placement])
    out += (painted - out) * cover[..., None]
    return np.clip(out, 0, 255).astype(np.uint8)


def random_style(rng: np.random.Generator) -> MaskStyle:
    """A style as people wear them: mostly plain blue, white, black; some of any colour or print."""
    common = [(150, 190, 215), (225, 230, 232), (35, 35, 40), (110, 165, 160), (190, 150, 130)]
    if rng.random() < 0.65:
        base = np.array(common[rng.integers(len(common))]) + rng.integers(-25, 26, 3)
    else:
        base = rng.integers(10, 246, 3)
    red, green, blue = (int(value) for value in np.clip(base, 5, 250))
    stripes = None
    if rng.random() < 0.15:
        a, b, c = (int(value) for value in rng.integers(0, 256, 3))
        stripes = (a, b, c)
    return MaskStyle((red, green, blue), int(rng.integers(0, 4)), stripes, bool(rng.random() < 0.8))


class _FaceFrame:
    """The coordinates of a face, from its landmarks."""

    def __init__(self, landmarks: Floats) -> None:
        right_eye, left_eye, nose = landmarks[0], landmarks[1], landmarks[2]
        self.origin = (right_eye + left_eye) / 2
        self.down = landmarks[3:5].mean(axis=0) - self.origin
        across = (left_eye - right_eye) / 2
        # A turned head brings the eyes together, but its width does not vanish.
        shortest = 0.35 * float(np.linalg.norm(self.down))
        length = max(float(np.linalg.norm(across)), 1e-3)
        self.across = across * max(1.0, shortest / length)
        self.unit = max(float(np.linalg.norm(self.down)), 1.0)
        basis = np.stack([self.across, self.down], axis=1)
        self.nose_x = float(
            np.clip(np.linalg.lstsq(basis, nose - self.origin, rcond=None)[0][0], -0.8, 0.8)
        )

    def points(self, xy: NDArray[np.float64]) -> Floats:
        """Face coordinates (n, 2) in pixels."""
        return np.asarray(self.origin + xy[:, :1] * self.across + xy[:, 1:] * self.down, np.float32)


def _mirrored(half: list[tuple[float, float]], nose_x: float) -> NDArray[np.float64]:
    """The whole outline; its middle follows the nose of a turned head, its ends do not."""
    right = np.array(half, np.float64)
    whole = np.vstack([right, (right * [-1, 1])[-2:0:-1]])
    whole[:, 0] += nose_x * (1 - np.minimum(np.abs(whole[:, 0]) / 1.6, 1))
    return whole


def _filled(image: Image, outline: Floats, soft: float) -> Floats:
    """How much of each pixel the outline covers, 0..1, with a soft edge, shape (h, w)."""
    cover = np.zeros(image.shape[:2], np.uint8)
    corners = np.round(outline * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(cover, [corners], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    soft_cover = cv2.GaussianBlur(cover, (0, 0), max(soft, 0.4))
    return np.asarray(soft_cover, np.float32) / np.float32(255)


def _textured(image: Image, face: _FaceFrame, style: MaskStyle) -> Floats:
    """Cloth over the whole picture: colour, folds, stripes, and the light of the scene below it."""
    height, width = image.shape[:2]
    basis = np.linalg.inv(np.stack([face.across, face.down], axis=1) + 1e-6 * np.eye(2))
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    x, y = np.einsum("ij,jhw->ihw", basis, np.stack([xs - face.origin[0], ys - face.origin[1]]))
    cloth = np.broadcast_to(np.array(style.colour, np.float32), image.shape).copy()
    if style.stripes:
        cloth[(np.floor(x * 3) + np.floor(y * 4)) % 2 == 0] = style.stripes
    shade = 1.06 - 0.16 * np.abs(x) ** 2 / 2 - 0.08 * np.maximum(y - 1, 0)
    for fold in range(style.folds):
        distance = np.abs(y - 0.85 - 0.3 * fold - 0.06 * (1 - x**2))
        shade -= 0.14 * np.exp(-((distance / 0.03) ** 2))
    light = cv2.GaussianBlur(image.mean(axis=2).astype(np.float32), (0, 0), max(face.unit / 2, 1))
    level = np.clip(light / 140, 0.45, 1.25) ** 0.6
    return np.asarray(cloth * (np.clip(shade, 0.5, 1.1) * level)[..., None], np.float32)


def _draw_straps(
    out: Floats, face: _FaceFrame, straps: list[tuple[tuple[float, float], tuple[float, float]]]
) -> None:
    thickness = max(1, round(face.unit / 22))
    for side in (-1, 1):
        for start, end in straps:
            ends = face.points(np.array([start, end]) * [side, 1])
            a, b = (tuple(int(value) for value in np.round(p * 16)) for p in ends)
            cv2.line(out, a, b, (215, 215, 215), thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
