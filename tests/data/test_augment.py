"""Augmentation against the formulas of Keras's ImageDataGenerator, written out with SciPy."""

import numpy as np
import pytest

from maskwatch.data.augment import Augmentation, parse_augmentation
from maskwatch.errors import UsageError
from maskwatch.types import Image
from tests.data.conftest import Scenery

ndimage = pytest.importorskip("scipy.ndimage")


class Draws:
    """A generator whose numbers are given: the share of each range that is drawn."""

    def __init__(self, *shares: float, flips: tuple[float, float] = (1, 1)) -> None:
        self.shares, self.flips = list(shares), np.array(flips)

    def uniform(self, low: float, high: float, size: int | None = None) -> object:
        count = size or 1
        got = [low + (high - low) * self.shares.pop(0) for _ in range(count)]
        return np.array(got) if size else got[0]

    def random(self, _: int) -> object:
        return self.flips


def keras(image: Image, theta: float, tx: float, ty: float, shear: float, zx: float, zy: float):
    """`apply_affine_transform` of keras.preprocessing.image, with fill_mode nearest."""
    theta, shear = np.deg2rad(theta), np.deg2rad(shear)
    turn = [[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]]
    matrix = np.array(turn) @ [[1, 0, tx], [0, 1, ty], [0, 0, 1]]
    matrix = matrix @ [[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]]
    matrix = matrix @ np.diag([zx, zy, 1])
    middle = image.shape[0] / 2 - 0.5
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = middle, -middle
    matrix = (there @ matrix @ back)[[1, 0, 2]][:, [1, 0, 2]]
    planes = [
        ndimage.affine_transform(
            plane.astype(float), matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest"
        )
        for plane in np.moveaxis(image, 2, 0)
    ]
    return np.stack(planes, axis=2)


@pytest.mark.parametrize("shares", [(1, 0.5, 0.5, 0.5, 0.5, 0.5), (0.1, 0.9, 0.2, 1, 0, 0.8)])
def test_as_keras(scenery: Scenery, shares: tuple[float, ...]) -> None:
    image = np.ascontiguousarray(scenery(3)[:80, :80])
    how = Augmentation(rotation=30, zoom=(0.7, 1.2), shift_x=0.2, shift_y=0.1, shear=15)
    got = how(image, Draws(*shares, 0.5))  # type: ignore[arg-type]
    low_high = [(-30, 30), (-16, 16), (-8, 8), (-15, 15), (0.7, 1.2), (0.7, 1.2)]
    # Shifts are drawn as parts of -1 to 1.
    values = [low + (high - low) * s for (low, high), s in zip(low_high, shares, strict=True)]
    wanted = keras(image, *values)
    assert np.abs(got - wanted).mean() < 1.5
    assert np.abs(got - wanted).max() < 24, "OpenCV rounds places to 1/32 of a pixel"


def test_nothing_changes_nothing(scenery: Scenery) -> None:
    image = np.ascontiguousarray(scenery(1)[:64, :64])
    rng = np.random.default_rng(0)
    assert np.array_equal(parse_augmentation("none")(image, rng), image)


def test_flips_and_brightness(scenery: Scenery) -> None:
    image = np.ascontiguousarray(scenery(1)[:64, :64])
    half = [0.5] * 6
    flip = parse_augmentation("hflip,vflip")
    for flips, wanted in (((0, 1), image[:, ::-1]), ((1, 0), image[::-1])):
        got = flip(image, Draws(*half, 0.5, flips=flips))  # type: ignore[arg-type]
        assert np.array_equal(got, wanted)
    dark = parse_augmentation("brightness=0.5:1.0")(image, Draws(*half, 0.0))  # type: ignore[arg-type]
    assert dark.astype(int) == pytest.approx(image // 2, abs=1)


def test_terms() -> None:
    got = parse_augmentation("rotation=20, zoom=0.1,shift=0.2,shift_y=0.3,shear=0.15,hflip")
    assert got == Augmentation(
        rotation=20, zoom=(0.9, 1.1), shift_x=0.2, shift_y=0.3, shear=0.15, hflip=True
    )
    assert parse_augmentation("zoom=0.4:1.0").zoom == (0.4, 1.0)


@pytest.mark.parametrize(
    "text", ["turn=3", "rotation", "hflip=1", "rotation=x", "zoom=0:1", "shift=2", "shear=-1"]
)
def test_terms_that_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_augmentation(text)
