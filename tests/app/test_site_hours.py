from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from maskwatch.app.site.hours import Hours

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2024, 1, 1)


def at(day: str, clock: str) -> datetime:
    """A moment of the week that began on Monday, 1 January 2024."""
    hour, minute, *second = map(int, clock.split(":"))
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(day)
    return MONDAY + timedelta(days=days, hours=hour, minutes=minute, seconds=sum(second))


@pytest.mark.parametrize(
    ("texts", "day", "clock", "is_open"),
    [
        ("Mon-Fri 07:00-19:00", "Mon", "07:00", True),
        ("Mon-Fri 07:00-19:00", "Fri", "18:59:59", True),
        ("Mon-Fri 07:00-19:00", "Fri", "19:00", False),
        ("Mon-Fri 07:00-19:00", "Wed", "06:59:59", False),
        ("Mon-Fri 07:00-19:00", "Sat", "12:00", False),
        ("Mon,Wed 10:00-11:00", "Wed", "10:30", True),
        ("Mon,Wed 10:00-11:00", "Tue", "10:30", False),
        ("Mon, Thu-Sat 10:00-11:00", "Fri", "10:30", True),
        ("Mon-Sun", "Sun", "23:59:59", True),
        ("sat", "Sat", "00:00", True),
        ("sat", "Sun", "00:00", False),
        ("Sat-Mon 8:00-9:00", "Sun", "08:30", True),
        ("Sat-Mon 8:00-9:00", "Tue", "08:30", False),
        ("22:00-06:00", "Tue", "23:00", True),
        ("22:00-06:00", "Tue", "05:59", True),
        ("22:00-06:00", "Tue", "06:00", False),
        ("22:00-06:00", "Tue", "21:59", False),
        ("Fri 22:00-06:00", "Sat", "03:00", True),
        ("Fri 22:00-06:00", "Fri", "03:00", False),
        ("Sun 22:00-06:00", "Mon", "03:00", True),
        ("Sun 22:00-06:00", "Tue", "03:00", False),
        ("Sun 22:00-00:00", "Sun", "23:59", True),
        ("Sun 22:00-00:00", "Mon", "00:00", False),
        ("00:00-24:00", "Thu", "23:59", True),
        ("20:00-24:00", "Thu", "00:00", False),
        (["Mon-Fri 07:00-12:00", "Sat 08:00-12:00"], "Sat", "08:00", True),
        (["Mon-Fri 07:00-12:00", "Sat 08:00-12:00"], "Sat", "07:30", False),
    ],
)
def test_hours_are_open_by_the_clock_on_the_wall(
    texts: str | list[str], day: str, clock: str, is_open: bool
) -> None:
    assert Hours.parse(texts).open_at(at(day, clock)) is is_open


def test_without_hours_it_is_always_open() -> None:
    assert all(Hours().open_at(MONDAY + timedelta(minutes=7 * n)) for n in range(1440))


def open_minutes(hours: Hours, first_utc: datetime, count: int) -> int:
    times = (first_utc + timedelta(minutes=n) for n in range(count))
    return sum(hours.open_at(time.astimezone(BERLIN)) for time in times)


@pytest.mark.parametrize(
    ("noon_before", "text", "minutes"),
    [
        pytest.param("2024-03-30", "22:00-06:00", 7 * 60, id="an hour is left out"),
        pytest.param("2024-10-26", "22:00-06:00", 9 * 60, id="an hour comes twice"),
        pytest.param("2024-06-08", "22:00-06:00", 8 * 60, id="any other night"),
        pytest.param("2024-03-30", "02:15-02:45", 0, id="within the hour that is left out"),
        pytest.param("2024-10-26", "02:15-02:45", 60, id="within the hour that comes twice"),
    ],
)
def test_nights_in_which_the_clock_is_set(noon_before: str, text: str, minutes: int) -> None:
    noon = datetime.fromisoformat(f"{noon_before}T11:00").replace(tzinfo=UTC)
    assert open_minutes(Hours.parse(text), noon, 22 * 60) == minutes


@pytest.mark.parametrize(
    "text",
    ["", "Mon-", "Xyz 07:00-08:00", "7-19", "07:00", "25:00-26:00", "07:60-08:00", "Mon-Wed-Fri",
     "07:00-07:00", "24:00-06:00", "07:00-24:01", "Mon Tue 07:00-08:00", "07:00-08:00 Mon"],
)  # fmt: skip
def test_what_is_no_span_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="expected hours such as") as caught:
        Hours.parse(["Mon 07:00-08:00", text])
    assert repr(text) in str(caught.value)


def test_all_wrong_spans_are_named_at_once() -> None:
    with pytest.raises(ValueError, match="got 'noon' and 'night'"):
        Hours.parse(["noon", "Mon", "night"])


def test_no_span_at_all_is_not_taken_for_never_or_always() -> None:
    with pytest.raises(ValueError, match="leave the key out for always"):
        Hours.parse([])
