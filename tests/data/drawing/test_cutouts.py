import numpy as np
import pytest

from maskwatch.data.drawing import (
    MaskCutout,
    MaskStyle,
    Placement,
    cut_mask,
    cutout_like,
    draw_mask,
    lay_mask,
    mirrored,
    shows,
)
from maskwatch.types import Image
from tests.conftest import LANDMARKS
from tests.data.drawing import COVERED, EYES, MOUTH, NOSE

BLUE = MaskStyle((40, 60, 230), folds=0, straps=False)


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


def test_a_mask_that_leaves_the_nose_out_is_cut_as_it_is_worn(
    astronaut: Image, worn: Image, cutout: MaskCutout
) -> None:
    wrong = draw_mask(astronaut, LANDMARKS, Placement.NOSE_OUT, BLUE)
    found = cut_mask(wrong, LANDMARKS, Placement.NOSE_OUT)
    assert found is not None
    assert found.placement is Placement.NOSE_OUT
    assert 0.6 < found.top < 0.95
    for bare in (astronaut, worn):  # Lips are no mask, and a covered nose is not out.
        assert cut_mask(bare, LANDMARKS, Placement.NOSE_OUT) is None
    laid = lay_mask(astronaut, LANDMARKS, found, Placement.NOSE_OUT, _Untinted(1)).astype(int)
    is_blue = laid[..., 2] > laid[..., 0] + 25
    assert is_blue[MOUTH[1], MOUTH[0]]
    assert not is_blue[NOSE[1], NOSE[0]]
    rng = np.random.default_rng(0)
    chosen = [
        cutout_like([found, cutout], LANDMARKS, rng, Placement.NOSE_OUT) is found for _ in range(40)
    ]
    assert 8 < sum(chosen) < 32
    assert all(cutout_like([found, cutout], LANDMARKS, rng) is cutout for _ in range(9))


@pytest.mark.parametrize(("placement", "covered"), COVERED)
def test_a_laid_mask_covers_what_its_placement_says(
    astronaut: Image, cutout: MaskCutout, placement: Placement, covered: list[tuple[int, int]]
) -> None:
    for seed in range(8):
        # Another colour would not be blue.
        rng = _Untinted(seed)
        laid = lay_mask(astronaut, LANDMARKS, cutout, placement, rng).astype(int)
        is_blue = laid[..., 2] > laid[..., 0] + 25
        for x, y in (EYES, NOSE, MOUTH):
            assert is_blue[y, x] == ((x, y) in covered), (placement, seed, x, y)
        # Where it slips to, on the chin and from an ear, the dice say: somewhere it is.
        assert (is_blue & (laid != astronaut).any(axis=2)).sum() > 200, (placement, seed)


def test_what_lies_beyond_the_picture_does_not_show(astronaut: Image, cutout: MaskCutout) -> None:
    landmarks = LANDMARKS - np.array([170, 60], np.float32)
    for bottom, seen in ((MOUTH[1] + 5, False), (260, True)):
        portrait = astronaut[60:bottom, 170:280]
        for seed in range(8):
            dice = _Untinted(seed)
            laid = lay_mask(portrait, landmarks, cutout, Placement.CHIN, dice)
            assert shows(laid, portrait) is seen, (bottom, seed)


def test_a_nose_may_be_over_the_cloth(astronaut: Image, cutout: MaskCutout) -> None:
    class Dice(_Untinted):
        def random(self, *_: object, **__: object) -> float:  # type: ignore[override]
            return 0.5

    x, y = NOSE
    higher_beside = 0
    for seed in range(8):
        laid = lay_mask(astronaut, LANDMARKS, cutout, Placement.NOSE_OUT, Dice(seed)).astype(int)
        is_blue = laid[..., 2] > laid[..., 0] + 25
        assert not is_blue[y - 4 : y + 1, x - 2 : x + 3].any(), seed
        assert is_blue[MOUTH[1], MOUTH[0]], seed
        beside = is_blue[y - 30 :, [x - 24, x + 24]].argmax(axis=0).mean()
        higher_beside += bool(beside < is_blue[y - 30 :, x].argmax())
    assert higher_beside >= 3


def test_some_masks_are_pushed_up_to_the_brow(astronaut: Image, cutout: MaskCutout) -> None:
    x, y = EYES
    above, over = 0, 0
    for seed in range(30):
        dice = np.random.default_rng(seed)
        laid = lay_mask(astronaut, LANDMARKS, cutout, Placement.EYES, dice)
        changed = (laid != astronaut).any(axis=2)
        over += bool(changed[y, x])
        above += bool(changed[y - 45, x] and not changed[y + 5 : y + 80].any())
    assert over > 10
    assert above > 4


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
    other = MaskCutout(cutout.picture, cutout.cover, -50, cutout.top, cutout.bottom)
    both, rng = [cutout, other], np.random.default_rng(0)
    assert all(cutout_like(both, LANDMARKS, rng) is cutout for _ in range(5))
    assert all(cutout_like(both, turned, rng) is other for _ in range(5))
    width = astronaut.shape[1]
    mirror = mirrored(LANDMARKS * [-1, 1] + [width - 1, 0])
    assert cutout_like(both, np.asarray(mirror, np.float32), rng) is cutout
