"""Spans of time as people write them."""

import re

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str | float) -> float:
    """The seconds of `500ms`, `5s`, `15m`, `24h`, `30d`, or of a plain number of seconds.

    Raises:
        ValueError: none of these, or negative.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*", str(text))
    if match is None or isinstance(text, bool):
        raise ValueError(
            f"expected a span of time such as 500ms, 5s, 15m, 24h or 30d, got {text!r}"
        )
    return float(match[1]) * _UNITS_S[match[2] or "s"]


def words_of(seconds: float) -> str:
    """A span of time in few words: `4.5 s`, `12 min`, `3 h 20 min`, `2 d`."""
    if seconds < 60:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d"
