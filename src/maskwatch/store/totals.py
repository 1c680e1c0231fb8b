"""Sums over minutes, by hour, by day or by camera."""

from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Row, Select, cast, func, select

from maskwatch.store.schema import minutes
from maskwatch.store.values import Total

By = Literal["hour", "day", "camera"]
_COUNTS = ("frames", "faces", "mask", "no_mask", "incorrect", "unknown")
# Every time zone is whole quarters of an hour from UTC, so hours and days are made of these.
_QUARTER_S = 900


def totals_query(by: By) -> Select[Any]:
    """Sums by camera, or by quarters of an hour, to be made into hours or days by `totals_of`."""
    sums = [func.sum(minutes.c[name]).label(name) for name in _COUNTS]
    quarter = cast(minutes.c.start, BigInteger) // _QUARTER_S
    group: ColumnElement[Any] = minutes.c.camera if by == "camera" else quarter
    return select(group.label("group"), *sums).group_by(group).order_by(group)


def totals_of(rows: list[Row[Any]], by: By, zone: tzinfo | None) -> list[Total]:
    """The totals that these rows add up to, in their order."""
    found: dict[Any, Total] = {}
    for row in rows:
        if by == "camera":
            total = Total(camera=row.group)
        else:
            total = Total(start=_start_of(row.group * _QUARTER_S, by, zone))
        key = total.camera, total.start
        before = found.get(key, total)
        sums = {name: getattr(before, name) + getattr(row, name) for name in _COUNTS}
        found[key] = replace(before, **sums)
    return list(found.values())


def _start_of(time: float, by: By, zone: tzinfo | None) -> float:
    """When the hour or day of a time began; without a zone, that of this machine's clock."""
    at = datetime.fromtimestamp(time, zone).replace(minute=0, second=0, microsecond=0)
    return (at if by == "hour" else at.replace(hour=0, fold=0)).timestamp()
