"""Other light, less sharpness: what cameras and networks do to pictures."""

import cv2
import numpy as np

from maskwatch.images import resize
from maskwatch.types import Image


def tinted(image: Image, rng: np.random.Generator) -> Image:
    """Other light and colours: gain, gamma, a cast, less saturation, grey."""
    table = np.arange(256, dtype=np.float32)[:, None] / 255
    gamma = np.exp(rng.normal(0, 0.25))
    gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.06, 3))
    if rng.random() < 0.1:
        gain = gain * rng.uniform(0.15, 0.5)  # Very dark.
    table = np.clip(table**gamma * gain * 255 + rng.normal(0, 8), 0, 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, table[None]), np.uint8)
    if rng.random() < 0.3:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
        share = 1.0 if rng.random() < 0.45 else rng.uniform(0, 0.7)
        full = np.repeat(grey, 3, axis=2)
        image = np.asarray(cv2.addWeighted(image, 1 - share, full, share, 0), np.uint8)
    return image


def spoilt(image: Image, rng: np.random.Generator) -> Image:
    """Blurred, coarser, noisy or compressed."""
    kind = int(rng.integers(4))
    if kind == 0:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.6)), np.uint8)
    elif kind == 1:
        height, width = image.shape[:2]
        factor = rng.uniform(0.4, 0.8)
        image = resize(resize(image, round(width * factor), round(height * factor)), width, height)
    elif kind == 2:
        noise = rng.normal(0, rng.uniform(3, 14), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    else:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 70))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], 1), np.uint8)
    return image
