"""The picture that things are drawn on, with the face before which they stand."""

import cv2
import numpy as np

from maskwatch.data.drawing.face import (
    FaceFrame,
    Outline,
    blend,
    coverage,
    light_level,
    line,
)
from maskwatch.data.drawing.head import WIDE, Head
from maskwatch.data.drawing.sheet import Sheet
from maskwatch.types import Floats, Image


class Canvas:
    """The picture that is drawn on, with the face and the dice.

    Args:
        image: RGB, shape (h, w, 3).
        landmarks: of the face, shape (5, 2) in pixels.
        rng: the dice.
    """

    def __init__(self, image: Image, landmarks: Floats, rng: np.random.Generator) -> None:
        self.image, self.landmarks, self.rng = image, landmarks, rng
        self.face = face = FaceFrame(landmarks)
        # Shoulders stay as wide as they are when a head turns.
        self.wide = max(WIDE * face.unit / max(float(np.linalg.norm(face.across)), 1e-3), 1.0)
        self.out = image.astype(np.float32)
        self.light = light_level(image, face.unit)[..., None]

    def colour(self, *choices: tuple[int, int, int], spread: int = 25) -> Floats:
        """One of some colours, or any colour if none are given."""
        if not choices:
            return np.asarray(self.rng.integers(10, 246, 3), np.float32)
        chosen = np.array(choices[int(self.rng.integers(len(choices)))], np.float32)
        shifted = np.clip(chosen + self.rng.integers(-spread, spread + 1), 0, 255)
        return np.asarray(shifted, np.float32)

    def fill(
        self, outline: Outline, colour: Floats, opacity: float = 1, soft: float = 0.03
    ) -> None:
        """Fill an outline in face coordinates, in the light of the scene."""
        cover = coverage(self.image, self.face.points(outline), soft * self.face.unit) * opacity
        blend(self.out, colour * self.light, cover)

    def on_the_skin(self, *outlines: Outline, soft: float) -> list[Floats]:
        """How much of each pixel outlines in face coordinates cover that follow the head's turn."""
        sheet = Sheet()
        xs, ys = sheet.under(Head(self.landmarks), self.image.shape)
        covers = []
        for outline in outlines:
            filled = sheet.filled(outline).astype(np.float32)
            cover = cv2.remap(filled, xs, ys, cv2.INTER_LINEAR)
            soft_cover = cv2.GaussianBlur(cover, (0, 0), max(soft * self.face.unit, 0.4))
            covers.append(np.asarray(soft_cover, np.float32))
        return covers

    def stroke(self, start: tuple[float, float], end: tuple[float, float], width: float) -> None:
        """A dark line in face coordinates."""
        ends = self.face.points(np.array([start, end]))
        dark = np.array([30, 30, 32], np.float32)
        blend(self.out, dark, line(self.image, ends, width * self.face.unit))

    def turned(self, outline: Outline, degrees: float) -> Outline:
        """The outline turned about its own middle."""
        middle, angle = outline.mean(axis=0), np.radians(degrees)
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.asarray((outline - middle) @ matrix.T + middle)


def box(x: float, y: float, width: float, height: float) -> Outline:
    """The corners of a rectangle in face coordinates, shape (4, 2)."""
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
