"""Hours of operation: spans of the week by the clock on the wall."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN = 24 * 60
_WEEK_MIN = 7 * _DAY_MIN
_CLOCK = r"(\d{1,2}):(\d{2})"
_SPAN = re.compile(rf"(?:([a-z]+(?:\s*[,-]\s*[a-z]+)*)\s*)?(?:{_CLOCK}\s*-\s*{_CLOCK})?", re.I)


@dataclass(frozen=True, slots=True)
class Hours:
    """When a camera is watched; `spans_min` are minutes since Monday 0:00, the end not included.

    They follow the clock on the wall: on a day on which it is set, a span lasts an hour less or
    more. A span that begins in one week and ends in the next reaches past the week's end.
    """

    spans_min: tuple[tuple[int, int], ...] = ((0, _WEEK_MIN),)

    @classmethod
    def parse(cls, texts: str | Sequence[str]) -> Self:
        """Read `Mon-Fri 07:00-19:00`, `Mon,Wed 10:00-11:00`, `Sat`, `22:00-06:00` or several.

        A span that ends before it begins ends on the next day.

        Raises:
            ValueError: none of these; all that are wrong are named.
        """
        texts = [texts] if isinstance(texts, str) else texts
        spans = {text: _spans_of(text) for text in texts}
        wrong = [text for text, found in spans.items() if not found]
        if wrong or not spans:
            raise ValueError(
                "expected hours such as 'Mon-Fri 07:00-19:00', 'Sat,Sun' or '22:00-06:00', got "
                + (" and ".join(map(repr, wrong)) or "none; leave the key out for always")
            )
        return cls(tuple(span for found in spans.values() for span in found))

    def open_at(self, local: datetime) -> bool:
        """Whether a moment, as the wall clock of the place shows it, is within the hours."""
        now = local.weekday() * _DAY_MIN + local.hour * 60 + local.minute
        return any(
            start <= minute < end
            for start, end in self.spans_min
            for minute in (now, now + _WEEK_MIN)
        )


def _spans_of(text: str) -> list[tuple[int, int]]:
    """The spans of one text on each of its days; none if it is wrong."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or not match[0]:
        return []
    days = _days_of(match[1]) if match[1] else range(7)
    start, end = 0, _DAY_MIN
    if match[2]:
        hours = [int(match[n]) for n in (2, 4)]
        minutes = [int(match[n]) for n in (3, 5)]
        start, end = (60 * hour + minute for hour, minute in zip(hours, minutes, strict=True))
        if max(minutes) > 59 or start >= _DAY_MIN or end > _DAY_MIN or start == end:
            return []
        end += _DAY_MIN * (end < start)
    return [(day * _DAY_MIN + start, day * _DAY_MIN + end) for day in days]


def _days_of(text: str) -> list[int]:
    """The days of `Mon-Fri`, `Fri-Mon` or `Mon,Wed`, Monday 0; none if one is wrong."""
    found: list[int] = []
    for part in text.split(","):
        ends = [day.strip().lower() for day in part.split("-")]
        if len(ends) > 2 or not set(ends) <= set(_DAYS):
            return []
        first, last = _DAYS.index(ends[0]), _DAYS.index(ends[-1])
        found += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    return found
