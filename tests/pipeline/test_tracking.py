import numpy as np
import pytest

from maskwatch.pipeline.tracking import Tracker
from maskwatch.types import Faces


def faces_at(*centres: tuple[float, float], side: float = 40) -> Faces:
    points = np.array(centres, np.float32).reshape(-1, 2)
    boxes = np.hstack([points - side / 2, points + side / 2])
    return Faces.found(boxes, np.full(len(boxes), 0.9, np.float32))


def numbers(faces: Faces) -> list[int]:
    assert faces.tracks is not None
    return faces.tracks.tolist()


@pytest.mark.parametrize("rate", [2, 5, 10, 30])
def test_two_who_cross_keep_their_numbers(rate: int) -> None:
    tracker = Tracker()
    for step in range(2 * rate):
        at = 60 * step / rate
        seen = numbers(tracker.update(faces_at((100 + at, 100), (220 - at, 150)), step / rate))
        assert seen == [1, 2]


@pytest.mark.parametrize("rate", [2, 5, 30])
def test_a_walker_of_many_face_widths_a_second_is_one(rate: int) -> None:
    tracker = Tracker()
    seen = {
        number
        for step in range(2 * rate)
        for number in numbers(tracker.update(faces_at((50 + 150 * step / rate, 100)), step / rate))
    }
    assert seen == {1}


def test_rows_keep_their_order_whatever_is_matched() -> None:
    tracker = Tracker()
    tracker.update(faces_at((100, 100), (300, 100)), 0.0)
    faces = faces_at((500, 100), (302, 100), (101, 100))
    tracked = tracker.update(faces, 0.2)
    assert numbers(tracked) == [3, 2, 1]
    np.testing.assert_array_equal(tracked.boxes, faces.boxes)


def test_a_short_occlusion_is_survived_a_long_one_is_not() -> None:
    tracker = Tracker()
    for step in range(5):
        tracker.update(faces_at((100 + 10 * step, 100)), step / 5)
    assert numbers(tracker.update(faces_at(), 1.0)) == []
    assert numbers(tracker.update(faces_at((165, 100)), 2.0)) == [1]
    assert numbers(tracker.update(faces_at((165, 100)), 4.5)) == [2]


def test_a_face_of_another_size_is_another() -> None:
    tracker = Tracker()
    tracker.update(faces_at((100, 100), side=40), 0.0)
    assert numbers(tracker.update(faces_at((100, 100), side=100), 0.2)) == [2]


def test_a_new_size_of_the_picture_moves_what_is_known() -> None:
    tracker = Tracker()
    tracker.update(faces_at((600, 300), side=80), 0.0)
    tracker.rescale(0.5, 0.5)
    assert numbers(tracker.update(faces_at((300, 150), side=40), 0.2)) == [1]


def test_no_faces_at_all() -> None:
    tracker = Tracker()
    assert numbers(tracker.update(Faces.empty(), 0.0)) == []


def test_who_wears_other_clothes_is_not_the_one_who_went_out_of_sight() -> None:
    red, black = np.array([[140.0, 190, 160]]), np.array([[30.0, 128, 128]])
    tracker = Tracker()
    tracker.update(faces_at((100, 100)), 0.0, red)
    assert numbers(tracker.update(faces_at((140, 100)), 1.0, black)) == [2]
    assert numbers(tracker.update(faces_at((110, 100)), 1.2, red)) == [1]


def test_a_face_that_stays_where_it_was_may_change_its_clothes() -> None:
    tracker = Tracker()
    tracker.update(faces_at((100, 100)), 0.0, np.array([[140.0, 190, 160]]))
    seen = tracker.update(faces_at((104, 100)), 0.2, np.array([[30.0, 128, 128]]))
    assert numbers(seen) == [1]


RED, TURNED, BLACK = ([[70.0, 160, 134]], [[100.0, 169, 133]], [[10.0, 128, 128]])


@pytest.mark.parametrize(
    ("gap_s", "colour", "same"),
    [
        pytest.param(0.2, TURNED, True, id="turned at once"),
        pytest.param(1.0, TURNED, False, id="long gone"),
        pytest.param(0.2, BLACK, False, id="in other clothes"),
    ],
)
def test_who_turns_shows_other_clothes_for_a_moment(
    gap_s: float, colour: list[list[float]], same: bool
) -> None:
    tracker = Tracker()
    tracker.update(faces_at((100, 100)), 0.0, np.array(RED))
    seen = tracker.update(faces_at((128, 100), side=30), gap_s, np.array(colour))
    assert (numbers(seen) == [1]) is same


def test_of_two_who_are_missing_nobody_is_guessed() -> None:
    tracker = Tracker()
    tracker.update(faces_at((100, 100), (150, 100)), 0.0, np.array(RED * 2))
    assert numbers(tracker.update(faces_at((126, 116)), 0.2, np.array(TURNED))) == [3]


def test_of_two_new_faces_none_is_who_was_missing() -> None:
    tracker = Tracker()
    tracker.update(faces_at((100, 100)), 0.0, np.array(RED))
    seen = tracker.update(faces_at((76, 100), (124, 100)), 0.2, np.array(TURNED * 2))
    assert numbers(seen) == [2, 3]
