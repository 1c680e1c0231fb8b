"""Where a head lies, however it is turned."""

import numpy as np
import pytest

from maskwatch.data.drawing import (
    MaskStyle,
    Placement,
    cut_mask,
    draw_mask,
    lay_mask,
    mirrored,
)
from maskwatch.data.drawing.head import Head
from maskwatch.types import Floats, Image
from tests.conftest import LANDMARKS

PROFILE = np.array([[222, 100], [228, 100], [246, 122], [225, 141], [229, 141]], np.float32)
"""A head that looks to the right side of the picture."""
SIDE = 320


@pytest.mark.parametrize("landmarks", [LANDMARKS, PROFILE, PROFILE[:, ::-1] * [1, -1] + [0, SIDE]])
def test_landmarks_lie_where_they_are_found(landmarks: Floats) -> None:
    found = Head(landmarks).points(np.array([[-1, 0], [1, 0], [0, 0.6], [-0.87, 1], [0.87, 1]]))
    assert np.allclose(found[:3], landmarks[:3], atol=4)
    # Lips stand out farther than the corners of a mouth.
    assert np.allclose(found[3:], landmarks[3:], atol=10)


def test_the_turn_is_told_and_mirrors() -> None:
    assert abs(Head(LANDMARKS).yaw_deg) < 20
    turned = Head(PROFILE).yaw_deg
    assert 60 < turned <= 90
    mirror = mirrored(PROFILE * [-1, 1] + [SIDE - 1, 0])
    assert Head(np.asarray(mirror, np.float32)).yaw_deg == pytest.approx(-turned, abs=1)


@pytest.mark.parametrize("landmarks", [LANDMARKS, PROFILE])
def test_what_is_seen_lies_where_its_points_are(landmarks: Floats) -> None:
    head = Head(landmarks)
    seen = head.seen(SIDE, SIDE)
    places = np.array([[x, y] for x in (-1.6, -0.9, 0.9, 1.6) for y in (-0.2, 0.3, 1.0, 1.4)])
    facing = head.facing(places) > 0.4
    assert facing.any()
    for xy, (column, row) in zip(places[facing], head.points(places[facing]), strict=True):
        told = seen[round(float(row)), round(float(column))]
        assert np.allclose(told, xy, atol=0.15), xy
    assert np.isnan(seen[0]).all()


def test_a_profile_shows_one_side() -> None:
    head = Head(PROFILE)
    near, far = head.facing(np.array([[-1.6, 0.9], [1.6, 0.9]]))
    assert near > 0.5
    assert far < 0
    x = head.seen(SIDE, SIDE)[..., 0]
    assert np.nanmin(x) < -2
    assert (x > 1).sum() < 0.02 * np.isfinite(x).sum()


def test_a_mask_ends_where_a_turned_head_does(astronaut: Image) -> None:
    style = MaskStyle((220, 20, 20), folds=0)
    drawn = draw_mask(astronaut, PROFILE, Placement.WORN, style)
    xs = np.nonzero((drawn != astronaut).any(axis=2))[1]
    nose_x, mouth_x = PROFILE[2, 0], PROFILE[3, 0]
    assert xs.max() < nose_x + 10
    assert xs.min() < mouth_x - 25  # A strap reaches to the ear.


def test_what_hangs_and_its_straps_are_on_the_side_that_is_seen(astronaut: Image) -> None:
    style = MaskStyle((220, 20, 20), folds=0)
    nose_x = PROFILE[2, 0]
    for seed in range(6):
        for placement in (Placement.HANGING, Placement.CHIN):
            rng = np.random.default_rng(seed)
            drawn = draw_mask(astronaut, PROFILE, placement, style, rng)
            xs = np.nonzero((drawn != astronaut).any(axis=2))[1]
            assert len(xs) > 100
            assert xs.max() < nose_x + 12, (seed, placement)
            assert xs.min() < nose_x - 40, (seed, placement)


def test_a_mask_of_one_head_fits_another_that_is_turned(astronaut: Image) -> None:
    blue = MaskStyle((40, 60, 230), folds=0, straps=False)
    worn = draw_mask(astronaut, PROFILE, Placement.WORN, blue)
    cutout = cut_mask(worn, PROFILE)
    assert cutout is not None
    assert cutout.yaw_deg > 60
    laid = lay_mask(astronaut, LANDMARKS, cutout, Placement.WORN, np.random.default_rng(2)).astype(
        int
    )
    changed = (laid != astronaut).any(axis=2)
    left, right = LANDMARKS[3], LANDMARKS[4]  # The side that the profile hid, too.
    for x, y in (left, right, LANDMARKS[3:].mean(axis=0)):
        assert changed[round(float(y)) + 4, round(float(x))]
    assert not changed[: round(float(LANDMARKS[0, 1])) - 12].any()


def test_a_mask_that_would_hang_beyond_the_picture_is_left_out(astronaut: Image) -> None:
    worn = draw_mask(astronaut, LANDMARKS, Placement.WORN, MaskStyle((40, 60, 230), folds=0))
    cutout = cut_mask(worn, LANDMARKS)
    assert cutout is not None
    corner = np.array([190, 80], np.float32)
    tight = astronaut[80:165, 190:256]
    for seed in range(8):
        rng = np.random.default_rng(seed)
        laid = lay_mask(tight, LANDMARKS - corner, cutout, Placement.HANGING, rng)
        assert np.array_equal(laid, tight)
