"""The face's own coordinates, and filling shapes given in them.

Origin between the eyes, x = -1 and 1 at the eyes, y = 1 at the mouth.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.types import Floats, Image

Outline = NDArray[np.float64]
_SUBPIXEL_BITS = 4


class FaceFrame:
    """Where a face lies in a picture, from its landmarks.

    Args:
        landmarks: shape (5, 2) in pixels: right eye, left eye, nose, corners of the mouth.
    """

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
        self.basis = np.stack([self.across, self.down], axis=1) + 1e-6 * np.eye(2)
        self.nose_x = float(np.clip(np.linalg.solve(self.basis, nose - self.origin)[0], -0.8, 0.8))

    def points(self, xy: Outline) -> Floats:
        """Face coordinates (n, 2) in pixels."""
        return np.asarray(self.origin + xy[:, :1] * self.across + xy[:, 1:] * self.down, np.float32)

    def grid(self, image: Image) -> tuple[Floats, Floats]:
        """The face coordinates x and y of every pixel, each of shape (h, w)."""
        height, width = image.shape[:2]
        ys, xs = np.mgrid[:height, :width].astype(np.float32)
        inverse = np.linalg.inv(self.basis).astype(np.float32)
        dx, dy = xs - np.float32(self.origin[0]), ys - np.float32(self.origin[1])
        return inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy

    def turned(self, half: list[tuple[float, float]]) -> Outline:
        """A whole outline from its right half; its middle follows the nose of a turned head."""
        whole = symmetric(half)
        whole[:, 0] += self.nose_x * (1 - np.minimum(np.abs(whole[:, 0]) / 1.6, 1))
        return whole

    def skin(self, image: Image) -> Floats:
        """The colour of the skin between eyes and mouth, RGB 0..255, shape (3,)."""
        spots = self.points(np.array([[-0.7, 0.45], [0.7, 0.45], [0.0, 0.25], [0.0, -0.5]]))
        limit = np.array([image.shape[1] - 1, image.shape[0] - 1])
        xs, ys = np.clip(spots.round(), 0, limit).astype(int).T
        return np.asarray(np.median(image[ys, xs].astype(np.float32), axis=0), np.float32)


def mirrored(landmarks: Floats) -> Floats:
    """Landmarks (..., 5, 2) of a mirrored picture in their order again: right ones first."""
    return landmarks[..., [1, 0, 2, 4, 3], :]


def symmetric(half: list[tuple[float, float]]) -> Outline:
    """The whole outline of a right half that goes from the upper middle to the lower middle."""
    right = np.array(half, np.float64)
    return np.vstack([right, (right * [-1, 1])[-2:0:-1]])


def ellipse(x: float, y: float, width: float, height: float, turn_deg: float = 0) -> Outline:
    """The outline of an ellipse by its centre and half axes."""
    angle, turn = np.linspace(0, 2 * np.pi, 24, endpoint=False), np.radians(turn_deg)
    px, py = width * np.cos(angle), height * np.sin(angle)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([x + c * px - s * py, y + s * px + c * py], axis=1)


def coverage(image: Image, outline_px: Floats, soft_px: float) -> Floats:
    """How much of each pixel the outline covers, 0..1, with a soft edge, shape (h, w)."""
    cover = np.zeros(image.shape[:2], np.uint8)
    corners = np.round(outline_px * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(cover, [corners], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    soft_cover = cv2.GaussianBlur(cover, (0, 0), max(soft_px, 0.4))
    return np.asarray(soft_cover, np.float32) / np.float32(255)


def light_level(image: Image, unit_px: float) -> Floats:
    """How bright the scene is around each pixel, as a factor for what is drawn, shape (h, w).

    Args:
        image: RGB, shape (h, w, 3).
        unit_px: from a face's eyes to its mouth: the wider, the wider is the light spread.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # At a quarter of the size: the blur is wide, and most of the time of a drawing goes here.
    small = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), max(unit_px / 8, 1))
    light = cv2.resize(soft, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(light.astype(np.float32) / 140, 0.45, 1.25) ** 0.6, np.float32)


def line(image: Image, ends_px: Floats, thickness_px: float) -> Floats:
    """How much of each pixel a line covers, 0..1, shape (h, w), by its ends, shape (2, 2)."""
    # Lines are smooth in 8-bit pictures only.
    cover = np.zeros(image.shape[:2], np.uint8)
    a, b = (tuple(int(v) for v in np.round(end * 2**_SUBPIXEL_BITS)) for end in ends_px)
    cv2.line(cover, a, b, 255, max(1, round(thickness_px)), cv2.LINE_AA, _SUBPIXEL_BITS)
    return np.asarray(cover, np.float32) / np.float32(255)


def blend(out: Floats, painted: Floats, cover: Floats) -> None:
    """Lay a picture or a colour over `out`, in place, where `cover` (h, w) says."""
    out += (painted - out) * cover[..., None]
