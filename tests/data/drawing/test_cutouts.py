import numpy as np
import pytest

from maskwatch.data.drawing import (
    MaskCutout,
    MaskStyle,
    Placement,
    cut_mask,
    draw_mask,
    lay_mask,
    like,
    mirrored,
)
from maskwatch.types import Image
from tests.conftest import LANDMARKS

BLUE = MaskStyle((40, 60, 230), folds=0, straps=False)
EYES, NOSE, MOUTH, CHIN = (222, 105), (221, 127), (222, 145), (222, 172)


@pytest.fixture(scope="module")
def worn(astronaut: Image) -> Image:
    return draw_mask(astronaut, LANDMARKS, Placement.WORN, BLUE)


@pytest.fixture(scope="module")
def cutout(worn: Image) -> MaskCutout:
    found = cut_mask(worn, LANDMARKS)
    assert found is not None
    return found


def test_the_mask_is_cut_and_nothing_else(cutout: MaskCutout) -> None:
    blue = cutout.picture.astype(int)
    is_cloth = blue[..., 2] > blue[..., 0] + 60
    covered = cutout.cover > 0
    assert (is_cloth & covered).sum() / (is_cloth | covered).sum() > 0.9
    assert 0.1 < cutout.top < 0.5
    assert 1.7 < cutout.bottom < 2.1


def test_a_mask_whose_edge_is_not_found_is_not_cut() -> None:
    assert cut_mask(np.full((200, 300, 3), 120, np.uint8), LANDMARKS) is None


@pytest.mark.parametrize(
    ("placement", "covered"),
    [
        (Placement.WORN, [NOSE, MOUTH, CHIN]),
        (Placement.NOSE_OUT, [MOUTH, CHIN]),
        (Placement.CHIN, [CHIN]),
        (Placement.HANGING, []),
        (Placement.EYES, [EYES]),
    ],
)
def test_a_laid_mask_covers_what_its_placement_says(
    astronaut: Image, cutout: MaskCutout, placement: Placement, covered: list[tuple[int, int]]
) -> None:
    for seed in range(8):
        # Another colour would not be blue.
        rng = _Untinted(seed)
        laid = lay_mask(astronaut, LANDMARKS, cutout, placement, rng).astype(int)
        for x, y in (EYES, NOSE, MOUTH):
            is_blue = laid[y, x, 2] > laid[y, x, 0] + 25
            assert is_blue == ((x, y) in covered), (placement, seed, x, y)


class _Untinted(np.random.Generator):
    """Dice that never choose another colour, nor straps."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.PCG64(seed))

    def random(self, *_: object, **__: object) -> float:  # type: ignore[override]
        return 0.99


def test_the_same_dice_lay_the_same_mask(astronaut: Image, cutout: MaskCutout) -> None:
    first, second = (
        lay_mask(astronaut, LANDMARKS, cutout, Placement.WORN, np.random.default_rng(4))
        for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_masks_come_from_heads_turned_as_far(astronaut: Image, cutout: MaskCutout) -> None:
    turned = LANDMARKS.copy()
    turned[2, 0] += 20
    other = MaskCutout(cutout.picture, cutout.cover, -0.8, cutout.top, cutout.bottom)
    both, rng = [cutout, other], np.random.default_rng(0)
    assert all(like(both, LANDMARKS, rng) is cutout for _ in range(5))
    assert all(like(both, turned, rng) is other for _ in range(5))
    width = astronaut.shape[1]
    mirror = mirrored(LANDMARKS * [-1, 1] + [width - 1, 0])
    assert like(both, np.asarray(mirror, np.float32), rng) is cutout
