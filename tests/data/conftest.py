"""Pictures that look different, and copies that nearly do not."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskwatch.images import encode, resize
from maskwatch.types import Image

Scenery = Callable[[int], Image]


@pytest.fixture
def scenery() -> Scenery:
    """Soft blobs, others for each number."""

    def make(number: int) -> Image:
        noise = np.random.default_rng(number).random((8, 8, 3)).astype(np.float32)
        big = cv2.resize(noise, (96, 80), interpolation=cv2.INTER_CUBIC)
        return np.asarray(np.clip(big * 255, 0, 255), np.uint8)

    return make


@pytest.fixture
def leaky(tmp_path: Path, scenery: Scenery) -> Path:
    """Class folders: `mask` 0..9 and `no_mask` 10..19, three of which have twins."""
    root = tmp_path / "set"
    for number in range(20):
        state = "mask" if number < 10 else "no_mask"
        encode(scenery(number), root / state / f"{number}.png")
    encode(scenery(0), root / "mask" / "0_again.png")
    encode(resize(scenery(1)[:, ::-1], 60, 50), root / "mask" / "1_small_mirrored.jpg")
    encode(resize(scenery(12), 48, 40), root / "mask" / "12_other_label.jpg")
    return root
