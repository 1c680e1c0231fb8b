import numpy as np
import pytest

from maskwatch.data.drawing import MaskStyle, Placement, draw_mask, random_style
from maskwatch.data.drawing.head import Head
from maskwatch.data.drawing.masks import draw_straps
from maskwatch.types import Image, MaskState
from tests.conftest import LANDMARKS
from tests.data.drawing import CHIN, COVERED, EYES, MOUTH, NOSE

RED = MaskStyle((220, 20, 20), folds=0, straps=False)


def changed_at(astronaut: Image, placement: Placement, xy: tuple[int, int]) -> bool:
    drawn = draw_mask(astronaut, LANDMARKS, placement, RED)
    x, y = xy
    red = drawn[y, x].astype(int)
    return bool(red[0] > red[1] + 60 and (drawn[y, x] != astronaut[y, x]).any())


@pytest.mark.parametrize(("placement", "covered"), COVERED)
def test_a_mask_covers_what_its_placement_says(
    astronaut: Image, placement: Placement, covered: list[tuple[int, int]]
) -> None:
    for part in (EYES, NOSE, MOUTH, CHIN):
        assert changed_at(astronaut, placement, part) is (part in covered)


def test_only_the_face_changes(astronaut: Image) -> None:
    drawn = draw_mask(astronaut, LANDMARKS, Placement.WORN, MaskStyle())
    ys, xs = np.nonzero((drawn != astronaut).any(axis=2))
    assert ys.min() > 95
    assert ys.max() < 200
    assert xs.min() > 150
    assert xs.max() < 290


@pytest.mark.parametrize(
    ("placement", "state"),
    [
        (Placement.WORN, MaskState.MASK),
        (Placement.NOSE_OUT, MaskState.INCORRECT),
        (Placement.CHIN, MaskState.INCORRECT),
        (Placement.HANGING, MaskState.INCORRECT),
        (Placement.EYES, MaskState.INCORRECT),
    ],
)
def test_states(placement: Placement, state: MaskState) -> None:
    assert placement.state is state


def test_masks_follow_a_turned_and_tilted_face(astronaut: Image) -> None:
    turned = LANDMARKS.copy()
    turned[:, 0] = 221 + (turned[:, 0] - 221) * 0.5
    turned[2, 0] += 14
    lying = (LANDMARKS - 221)[:, ::-1] * [-1, 1] + 221
    for landmarks in (turned, np.asarray(lying, np.float32)):
        drawn = draw_mask(astronaut, landmarks, Placement.WORN, RED)
        x, y = landmarks[3:5].mean(axis=0).round().astype(int)
        red = drawn[y, x].astype(int)
        assert red[0] > red[1] + 60
        eye_x, eye_y = landmarks[0].astype(int)
        assert np.array_equal(drawn[eye_y, eye_x], astronaut[eye_y, eye_x])


def test_landmarks_in_one_point_change_hardly_a_pixel(astronaut: Image) -> None:
    for placement in Placement:
        drawn = draw_mask(astronaut, LANDMARKS * 0 + 200, placement, RED)
        assert (drawn != astronaut).any(axis=2).sum() < 40


def test_random_styles_repeat_with_their_seed() -> None:
    first = [random_style(np.random.default_rng(3)) for _ in range(2)]
    assert first[0] == first[1]
    many = {random_style(np.random.default_rng(i)).colour for i in range(20)}
    assert len(many) > 10


def test_straps_have_their_colour_and_begin_where_the_mask_is(astronaut: Image) -> None:
    head, drawn = Head(LANDMARKS), []
    for drop in (0.0, 0.5):
        out = astronaut.astype(np.float32)
        draw_straps(astronaut, out, head, Placement.CHIN, (1,), (0, 0, 255), drop)
        red, _, blue = np.moveaxis(out - astronaut, 2, 0)
        drawn.append((blue - red) > 60)
    lowest = [np.flatnonzero(strap.any(axis=1)).max() for strap in drawn]
    assert lowest[1] - lowest[0] == pytest.approx(0.5 * head.unit, abs=4)
