"""Sums by hour, day and camera, on both databases."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from maskwatch.events import Batch, Minute
from maskwatch.store import EventStore, Total
from tests.store.conftest import alert

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
# There clocks change at midnight, which some days have twice and others not at all.
HAVANA = ZoneInfo("America/Havana")


def at(zone: ZoneInfo, *when: int) -> float:
    return datetime(*when, tzinfo=zone).timestamp()  # type: ignore[misc, arg-type]


def test_minutes_add_up_by_camera(store: EventStore) -> None:
    minutes = [
        Minute(camera="lobby", start=60.0, run="a", frames=10, faces=4, mask=3, no_mask=1),
        Minute(camera="lobby", start=60.0, run="b", frames=5, faces=1, unknown=2),
        Minute(camera="yard", start=120.0, run="a", frames=7, incorrect=1),
        Minute(camera="yard", start=180.0, run="a", unknown=1),
    ]
    store.save(Batch(minutes=tuple(minutes), alerts=((alert(), ()),)))
    lobby, yard = store.totals(by="camera")
    assert lobby == Total(camera="lobby", frames=15, faces=5, mask=3, no_mask=1, unknown=2)
    assert (lobby.people, lobby.rate) == (6, 0.75)
    assert yard == Total(camera="yard", frames=7, incorrect=1, unknown=1)
    (early,) = store.totals(by="camera", camera="yard", since=121.0)
    assert (early.people, early.rate) == (1, None)
    assert store.totals(by="camera", until=60.0) == []


@pytest.mark.parametrize("zone", [BERLIN, KOLKATA], ids=str)
def test_hours_and_days_are_those_of_the_zone(store: EventStore, zone: ZoneInfo) -> None:
    # In Kolkata hours begin half an hour beside those of UTC.
    times = [(5, 23, 59), (6, 0, 0), (6, 0, 59), (6, 1, 0)]
    minutes = [
        Minute(camera=camera, start=at(zone, 2026, 5, *time), run="r", mask=1)
        for time in times
        for camera in ("lobby", "yard")
    ]
    store.save(Batch(minutes=tuple(minutes)))
    hours = store.totals(by="hour", zone=zone)
    assert [(t.start, t.mask) for t in hours] == [
        (at(zone, 2026, 5, 5, 23), 2),
        (at(zone, 2026, 5, 6, 0), 4),
        (at(zone, 2026, 5, 6, 1), 2),
    ]
    days = store.totals(by="day", zone=zone, camera="yard")
    assert [(t.start, t.mask) for t in days] == [
        (at(zone, 2026, 5, 5), 1),
        (at(zone, 2026, 5, 6), 3),
    ]


@pytest.mark.parametrize(
    ("zone", "changes"),
    [(BERLIN, [(3, 29), (10, 25)]), (HAVANA, [(3, 8), (11, 1)])],
    ids=["Berlin", "Havana"],
)
def test_the_days_when_clocks_change_have_23_and_25_hours(
    store: EventStore, zone: ZoneInfo, changes: list[tuple[int, int]]
) -> None:
    for month, day in changes:
        start, end = at(zone, 2026, month, day), at(zone, 2026, month, day + 1)
        hours = range(int(start), int(end), 3600)
        store.save(
            Batch(minutes=tuple(Minute(camera="c", start=t, run="r", mask=1) for t in hours))
        )
    assert [t.mask for t in store.totals(by="day", zone=zone)] == [23, 25]
    assert {t.mask for t in store.totals(by="hour", zone=zone)} == {1}


def test_without_a_zone_days_are_those_of_this_machine(store: EventStore) -> None:
    noon = datetime(2026, 5, 6, 12).timestamp()
    store.save(Batch(minutes=(Minute(camera="c", start=noon, run="r", mask=1),)))
    assert [t.start for t in store.totals(by="day")] == [datetime(2026, 5, 6).timestamp()]
