import numpy as np

from maskwatch.data.drawing import stand_before
from maskwatch.types import Image
from tests.conftest import LANDMARKS
from tests.data.drawing import CHIN, EYES

RED = np.full((256, 256, 3), (200, 30, 30), np.uint8)


def test_somebody_stands_before_the_lower_face(astronaut: Image) -> None:
    chin = 0
    for seed in range(20):
        drawn = stand_before(astronaut, LANDMARKS, RED, np.random.default_rng(seed), 0.75)
        changed = (drawn != astronaut).any(axis=2)
        assert not changed[: EYES[1] + 15].any(), seed
        assert changed.sum() > 500, seed
        chin += bool(changed[CHIN[1], CHIN[0]])
    assert chin > 5


def test_no_higher_than_asked(astronaut: Image) -> None:
    for seed in range(20):
        dice = np.random.default_rng(seed)
        drawn = stand_before(astronaut, LANDMARKS, RED, dice, 1.3)
        assert not (drawn != astronaut).any(axis=2)[: CHIN[1] - 32].any(), seed


def test_the_same_dice_draw_the_same(astronaut: Image) -> None:
    one, two = (
        stand_before(astronaut, LANDMARKS, astronaut, np.random.default_rng(3), 1.0)
        for _ in range(2)
    )
    assert np.array_equal(one, two)
