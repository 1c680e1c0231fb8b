"""Random changes to pictures, in the terms and with the geometry of Keras's ImageDataGenerator.

The classic projects of this field name their augmentation in these terms. Angles and shears are in
degrees, zooms and shifts in parts of the picture; a zoom below 1 enlarges, and is drawn for each
axis on its own; what comes from beyond the border repeats the border's pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import UsageError
from maskwatch.types import Image

NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Ranges from which each picture's change is drawn evenly; flips happen to every second one.

    `rotation` and `shear` are the largest angles in degrees; `zoom` and `brightness` the lowest and
    the highest factor; `shift_x` and `shift_y` the largest shifts in parts of width and height.
    """

    rotation: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    shift_x: float = 0.0
    shift_y: float = 0.0
    shear: float = 0.0
    brightness: tuple[float, float] = (1.0, 1.0)
    hflip: bool = False
    vflip: bool = False

    def __post_init__(self) -> None:
        for name in ("zoom", "brightness"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise UsageError(f"{name} takes factors above 0, the lower first: {low}:{high}")
        if not (0 <= self.shift_x < 1 and 0 <= self.shift_y < 1):
            raise UsageError("shifts are parts of the picture, at least 0 and below 1")
        if min(self.rotation, self.shear) < 0 or self.shear >= 90:
            raise UsageError("rotation and shear are angles of 0 or more, shear below 90")

    def matrix(self, side: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Where the pixels of the new picture come from, as a matrix (2, 3) on x, y."""
        angle = rng.uniform(-self.rotation, self.rotation)
        shift = rng.uniform(-1, 1, 2) * (self.shift_x, self.shift_y) * side
        shear = rng.uniform(-self.shear, self.shear)
        return matrix_of(
            side, angle_deg=angle, shift_px=shift, shear_deg=shear, zoom=rng.uniform(*self.zoom, 2)
        )

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """A changed copy of a square picture."""
        out = warped(image, self.matrix(image.shape[0], rng))
        across, down = rng.random(2) < 0.5
        if self.hflip and across:
            out = np.ascontiguousarray(out[:, ::-1])
        if self.vflip and down:
            out = np.ascontiguousarray(out[::-1])
        factor = rng.uniform(*self.brightness)
        if self.brightness != (1.0, 1.0):
            out = np.clip(out * np.float32(factor), 0, 255).astype(np.uint8)
        return out


def matrix_of(
    side: int,
    *,
    angle_deg: float,
    shift_px: NDArray[np.float64],
    shear_deg: float,
    zoom: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Keras's change of a square picture: turned, shifted, sheared, zoomed about its centre.

    Args:
        side: of the picture in pixels.
        angle_deg: of the turn.
        shift_px: along x and y, shape (2,).
        shear_deg: an angle, as Keras takes it.
        zoom: along x and y, shape (2,); below 1 enlarges.

    Returns:
        Where the new picture's pixels come from, shape (2, 3), on x, y.
    """
    angle, shear = np.deg2rad(angle_deg), np.deg2rad(shear_deg)
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = np.array([[cosine, -sine], [sine, cosine]])
    linear = turned @ np.array([[1, -np.sin(shear)], [0, np.cos(shear)]]) @ np.diag(zoom)
    middle = np.full(2, side / 2 - 0.5)
    return np.hstack([linear, (turned @ shift_px + middle - linear @ middle)[:, None]])


def warped(image: Image, matrix: NDArray[np.float64]) -> Image:
    """The picture whose pixels come from where `matrix` says; beyond the border it repeats."""
    return np.asarray(
        cv2.warpAffine(
            image,
            matrix,
            (image.shape[1], image.shape[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def parse_augmentation(text: str) -> Augmentation:
    """`rotation=20,zoom=0.1,shift=0.1,shear=0.2,hflip`, or `none`.

    A zoom or brightness of 0.1 is 0.9 to 1.1, one of 0.4:1.0 is just that; `shift` is both axes'.

    Raises:
        UsageError: an unknown word, or a value that is no number.
    """
    values: dict[str, object] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = part.partition("=")
        if part == NONE:
            continue
        if name not in _TERMS or (not value) != (name in ("hflip", "vflip")):
            raise UsageError(
                f"--augment does not know {part!r}: it takes {', '.join(_TERMS)}, with commas and "
                "values such as rotation=20, or none"
            )
        try:
            values |= _TERMS[name](value)
        except ValueError as error:
            raise UsageError(f"--augment {part!r}: {value!r} is no number") from error
    return Augmentation(**values)  # type: ignore[arg-type]


def _range(value: str) -> tuple[float, float]:
    low, colon, high = value.partition(":")
    return (float(low), float(high)) if colon else (1 - float(low), 1 + float(low))


_TERMS: dict[str, Callable[[str], dict[str, object]]] = {
    "rotation": lambda value: {"rotation": float(value)},
    "zoom": lambda value: {"zoom": _range(value)},
    "shift": lambda value: {"shift_x": float(value), "shift_y": float(value)},
    "shift_x": lambda value: {"shift_x": float(value)},
    "shift_y": lambda value: {"shift_y": float(value)},
    "shear": lambda value: {"shear": float(value)},
    "brightness": lambda value: {"brightness": _range(value)},
    "hflip": lambda _: {"hflip": True},
    "vflip": lambda _: {"vflip": True},
}
