import numpy as np
import pytest

from maskwatch.data.drawing import FaceFrame, Thing, draw_thing, mirrored
from maskwatch.types import Image
from tests.conftest import LANDMARKS


@pytest.mark.parametrize("thing", Thing)
def test_a_thing_changes_the_face_and_little_else(astronaut: Image, thing: Thing) -> None:
    drawn = draw_thing(astronaut, LANDMARKS, thing, np.random.default_rng(1))
    changed = (drawn.astype(int) - astronaut).any(axis=2)
    assert changed[40:260, 130:320].mean() > 0.01
    assert changed[:, 400:].sum() == 0
    assert astronaut.shape == drawn.shape


@pytest.mark.parametrize(
    ("thing", "spot", "covered"),
    [
        (Thing.SUNGLASSES, (201, 105), True),
        (Thing.SUNGLASSES, (222, 145), False),
        (Thing.PAPER, (222, 160), True),
        (Thing.PAPER, (222, 90), False),
        (Thing.CUP, (222, 150), True),
        (Thing.SCARF, (222, 215), True),
        (Thing.FOOD, (222, 148), True),
    ],
)
def test_where_things_are(
    astronaut: Image, thing: Thing, spot: tuple[int, int], covered: bool
) -> None:
    x, y = spot
    changed = [
        (draw_thing(astronaut, LANDMARKS, thing, np.random.default_rng(seed))[y, x]
         != astronaut[y, x]).any()
        for seed in range(9)
    ]  # fmt: skip
    assert (sum(map(bool, changed)) >= 5) is covered


def test_the_same_dice_draw_the_same(astronaut: Image) -> None:
    one, two = (
        draw_thing(astronaut, LANDMARKS, Thing.HAND, np.random.default_rng(5)) for _ in range(2)
    )
    assert np.array_equal(one, two)


def test_mirrored_landmarks_keep_their_order() -> None:
    flipped = LANDMARKS * np.array([-1, 1], np.float32) + np.array([511, 0], np.float32)
    again = mirrored(flipped)
    assert again[0, 0] < again[1, 0]
    assert again[3, 0] < again[4, 0]


def test_the_faces_own_coordinates() -> None:
    face = FaceFrame(LANDMARKS)
    eyes_and_mouth = face.points(np.array([[-1.0, 0], [1, 0], [0, 1]]))
    assert np.allclose(eyes_and_mouth[:2], LANDMARKS[:2], atol=0.01)
    assert np.allclose(eyes_and_mouth[2], LANDMARKS[3:].mean(axis=0), atol=0.01)
