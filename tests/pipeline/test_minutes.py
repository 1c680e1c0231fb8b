from maskwatch.events import Minute
from maskwatch.pipeline.minutes import Minutes
from maskwatch.pipeline.people import Visit
from maskwatch.types import MaskState


def visit(state: MaskState = MaskState.MASK) -> Visit:
    return Visit("p", state, 0.0)


def stored(told: list[Minute]) -> dict[tuple[str, float, str], Minute]:
    """What a database holds of them: of each minute of a run the last."""
    return {(minute.camera, minute.start, minute.run): minute for minute in told}


def test_totals_of_a_minute_replace_each_other() -> None:
    minutes, told = Minutes("gate", "run"), []
    for second in range(150):
        visits = [visit()] if second % 50 == 49 else []
        told += minutes.add(600.0 + second, frames=1, faces=2, visits=visits)
    told += minutes.rest()
    by_start = {minute.start: minute for minute in stored(told).values()}
    assert [(m.frames, m.faces, m.mask) for m in by_start.values()] == [
        (60, 120, 1), (60, 120, 1), (30, 60, 1)
    ]  # fmt: skip
    assert list(by_start) == [600.0, 660.0, 720.0]


def test_who_left_is_told_at_once() -> None:
    minutes = Minutes("gate", "run")
    list(minutes.add(600.0, frames=1))
    (told,) = minutes.add(601.0, frames=1, visits=[visit(MaskState.INCORRECT)])
    assert told.incorrect == 1


def test_without_frames_and_people_there_is_nothing_to_store() -> None:
    minutes = Minutes("gate", "run")
    told = [minute for second in range(300) for minute in minutes.add(float(second))]
    assert told == []
    assert list(minutes.rest()) == []


def test_a_clock_that_is_set_back_loses_nobody() -> None:
    minutes, told = Minutes("gate", "run"), []
    for now in (172_800.0, 172_830.0, 172_900.0, 100.0, 130.0, 172_800.0, 172_900.0):
        told += minutes.add(now, frames=1, visits=[visit()])
    told += minutes.rest()
    assert sum(minute.people for minute in stored(told).values()) == 7
    assert {minute.start for minute in told} == {172_800.0, 172_860.0, 60.0, 120.0}
