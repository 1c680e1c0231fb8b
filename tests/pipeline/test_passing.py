"""People who pass one another, or follow one another, are as many as they are."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from maskwatch.pipeline.tracking import Tracker
from maskwatch.types import Faces, Floats

RATES = [2, 5, 10, 25]
LIKE, OTHER = (60.0, 140.0, 130.0), (90.0, 140.0, 130.0)
"""Clothes as alike as those of one person who turns."""

Seen = list[tuple[int, float, float, float]]
"""Who is seen where, how large: person, x, y, side."""


def found(seen: Seen, rng: np.random.Generator) -> tuple[Faces, Floats]:
    rows = np.array([[x, y, side] for _, x, y, side in seen]).reshape(-1, 3)
    rows = rows + rng.normal(0, 0.02, rows.shape) * rows[:, 2:]
    boxes = np.hstack([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2])
    clothes = np.array([LIKE if person % 2 else OTHER for person, *_ in seen]).reshape(-1, 3)
    faces = Faces.found(boxes.astype(np.float32), np.full(len(boxes), 0.9, np.float32))
    return faces, (clothes + rng.normal(0, 3, clothes.shape)).astype(np.float32)


def numbers_of(moments: Iterator[tuple[float, Seen]]) -> dict[int, set[int]]:
    """The numbers that each person was given."""
    tracker, rng = Tracker(), np.random.default_rng(0)
    numbers: dict[int, set[int]] = {}
    for time_s, seen in moments:
        faces, colours = found(seen, rng)
        tracks: Sequence[int] = tracker.update(faces, time_s, colours).tracks  # type: ignore[assignment]
        for (person, *_), track in zip(seen, tracks, strict=True):
            numbers.setdefault(person, set()).add(int(track))
    return numbers


def passing(rate: int) -> Iterator[tuple[float, Seen]]:
    """One walks to the right, another to the left behind them, hidden while they meet."""
    for step in range(6 * rate):
        time_s = step / rate
        near, far = 100 + 80 * time_s, 500 - 60 * time_s
        seen = [(0, near, 200.0, 60.0), (1, far, 180.0, 45.0)]
        yield time_s, seen[:1] if abs(near - far) < 45 else seen


def following(rate: int, headway_s: float, people: int = 5) -> Iterator[tuple[float, Seen]]:
    """Each comes through the same door, walks up to the camera for two seconds, and is gone."""
    for step in range(int((people * headway_s + 3) * rate)):
        time_s = step / rate
        ages = [(person, time_s - person * headway_s) for person in range(people)]
        yield (
            time_s,
            [
                (person, 300.0 + 10 * age, 120 + 100 * age, 30 + 25 * age)
                for person, age in ages
                if 0 <= age < 2
            ],
        )


def in_turn(rate: int, gap_s: float) -> Iterator[tuple[float, Seen]]:
    """Two stand at a desk one after the other, for two seconds each."""
    for step in range(int((4 + gap_s) * rate)):
        time_s = step / rate
        if time_s < 2:
            yield time_s, [(0, 300.0, 200.0, 50.0)]
        elif time_s >= 2 + gap_s:
            yield time_s, [(1, 330.0, 200.0, 50.0)]
        else:
            yield time_s, []


@pytest.mark.parametrize("rate", RATES)
def test_one_who_passes_behind_another_stays_the_same(rate: int) -> None:
    numbers = numbers_of(passing(rate))
    assert [len(given) for given in numbers.values()] == [1, 1]
    assert numbers[0] != numbers[1]


@pytest.mark.parametrize("headway_s", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("rate", RATES)
def test_people_who_follow_one_another_through_a_door_are_several(
    rate: int, headway_s: float
) -> None:
    numbers = numbers_of(following(rate, headway_s))
    assert len(set.union(*numbers.values())) == len(numbers) == 5


@pytest.mark.parametrize("rate", RATES)
def test_who_steps_up_to_a_desk_is_not_the_one_before(rate: int) -> None:
    numbers = numbers_of(in_turn(rate, 1.0))
    assert numbers[0].isdisjoint(numbers[1])
