"""The same footage again, but not the same pixels."""

import numpy as np

from maskwatch.types import Image

_SHIFT_PX, _LIGHT, _NOISE = 3, 8, 3.0


def jittered(image: Image, rng: np.random.Generator) -> Image:
    """The picture shifted by some pixels, a little lighter or darker, with noise."""
    shift = tuple(int(value) for value in rng.integers(-_SHIFT_PX, _SHIFT_PX + 1, 2))
    noise = rng.normal(rng.integers(-_LIGHT, _LIGHT + 1), _NOISE, image.shape[:2])[..., None]
    moved = np.roll(image, shift, axis=(0, 1)) + noise
    return np.asarray(np.clip(moved, 0, 255), np.uint8)
