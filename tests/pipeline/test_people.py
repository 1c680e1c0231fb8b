from collections.abc import Sequence

import numpy as np
import pytest

from maskwatch.pipeline.people import Changes, People
from maskwatch.pipeline.tracking import TrackerOptions
from maskwatch.types import MaskState
from tests.conftest import faces_at

MASK, BARE, WRONG = [0.95, 0.03, 0.02], [0.03, 0.95, 0.02], [0.05, 0.05, 0.9]
SIZE = (640, 480)
BOX = [100.0, 100.0, 150.0, 160.0]
SECOND = [400.0, 100.0, 450.0, 160.0]


def shown(
    people: People, rows: Sequence[Sequence[float]], time_s: float, boxes: object = (BOX, SECOND)
) -> Changes:
    faces = faces_at(boxes[: len(rows)], rows)  # type: ignore[index]
    return people.update(faces, np.ones(len(rows), np.float32), time_s, SIZE)[1]


def watched(
    people: People, rows: Sequence[Sequence[float]], start: float, seconds: float
) -> list[Changes]:
    return [shown(people, rows, start + step / 5) for step in range(int(seconds * 5))]


def test_a_visit_is_one_episode_with_its_times_on_the_wall() -> None:
    people = People("lobby", wall=lambda time_s: 1000 + time_s)
    changes = watched(people, [MASK], 5.0, 3.0)
    (begun,) = [episode for change in changes for episode in change.episodes]
    assert (begun.camera, begun.state, begun.start) == ("lobby", MaskState.MASK, 1005.0)
    assert begun.end is None
    gone = people.tick(20.0)
    (ended,) = gone.episodes
    assert ended.id == begun.id
    assert ended.end == pytest.approx(1007.8)
    assert ended.evidence.faces == 15
    assert ended.evidence.face_px == 50
    assert ended.evidence.probabilities == pytest.approx(MASK, abs=1e-4)
    assert [(visit.person, visit.state) for visit in gone.visits] == [
        (begun.person, MaskState.MASK)
    ]
    assert not list(people)


def test_a_mask_taken_off_is_a_new_episode_of_the_same_person() -> None:
    people = People("lobby", wall=float)
    watched(people, [MASK], 0.0, 4.0)
    changes = watched(people, [BARE], 4.0, 3.0)
    first, second = [episode for change in changes for episode in change.episodes][:2]
    assert (first.state, second.state) == (MaskState.MASK, MaskState.NO_MASK)
    assert first.person == second.person
    assert first.end == pytest.approx(second.start)
    assert second.start == pytest.approx(4.0, abs=1.0)
    # The faces that spoke for the new state do not dilute the old one's evidence.
    assert first.evidence.probabilities[0] > 0.8


def test_who_is_only_glimpsed_is_nobody() -> None:
    people = People("lobby", wall=float)
    shown(people, [BARE], 0.0)
    gone = people.tick(10.0)
    assert gone == Changes()


@pytest.mark.parametrize("rate", [0.8, 1.0, 5.0])
def test_few_frames_a_second_decide_too(rate: float) -> None:
    people = People("lobby", wall=float, tracking=TrackerOptions(patience_s=4.0))
    for step in range(5):
        shown(people, [BARE], step / rate)
    assert [person.state for person in people] == [MaskState.NO_MASK]


def test_three_glimpses_in_many_frames_decide_nothing() -> None:
    people = People("lobby", wall=float)
    for step in range(25):
        shown(people, [BARE] if step % 8 == 0 else [], step / 5)
    assert not list(people)


def test_a_person_counts_under_the_state_that_lasted_longest() -> None:
    people = People("lobby", wall=float)
    watched(people, [MASK], 0.0, 6.0)
    watched(people, [BARE], 6.0, 3.0)
    (visit,) = people.tick(30.0).visits
    assert visit.state is MaskState.MASK


def test_several_people_are_told_apart() -> None:
    people = People("lobby", wall=float)
    watched(people, [MASK, BARE], 0.0, 2.0)
    assert sorted(person.state or "" for person in people) == ["mask", "no_mask"]


def test_a_lost_camera_breaks_episodes() -> None:
    people = People("lobby", wall=float)
    watched(people, [MASK], 0.0, 2.0)
    (ended,) = people.tick(2.0, lost=True).episodes
    assert ended.broken
    assert ended.end == pytest.approx(1.8)


def test_a_clock_that_is_set_back_shortens_nothing() -> None:
    wall = {"offset": 10_000.0}
    people = People("lobby", wall=lambda time_s: wall["offset"] + time_s)
    (begun,) = [e for change in watched(people, [MASK], 0.0, 2.0) for e in change.episodes]
    wall["offset"] = 6_400.0
    watched(people, [MASK], 2.0, 2.0)
    (ended,) = people.tick(60.0).episodes
    assert ended.start == begun.start == 10_000.0
    assert ended.duration_s == pytest.approx(3.8)


def test_long_episodes_are_told_every_few_seconds() -> None:
    people = People("lobby", wall=float)
    told = [e for change in watched(people, [MASK], 0.0, 21.0) for e in change.episodes]
    assert 4 <= len(told) <= 6
    assert len({episode.id for episode in told}) == 1
    assert [e.last_seen for e in told] == sorted(e.last_seen for e in told)


def test_another_size_of_the_picture_is_the_same_person() -> None:
    people = People("lobby", wall=float)
    watched(people, [MASK], 0.0, 2.0)
    half = faces_at([[50.0, 50.0, 75.0, 80.0]], [MASK])
    people.update(half, np.ones(1, np.float32), 2.0, (320, 240))
    assert len(list(people)) == 1
    assert not people.tick(3.9).visits
