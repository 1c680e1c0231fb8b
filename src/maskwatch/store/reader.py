"""What is read from the store; long answers come as iterators that hold nothing open."""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from sqlalchemy import Select, Table, select

from maskwatch.events import Alert, CameraStatus, Episode, Minute
from maskwatch.store.database import Database
from maskwatch.store.paging import paged
from maskwatch.store.schema import alerts, cameras, episodes, item_of, minutes, receipts
from maskwatch.store.totals import By, totals_of, totals_query
from maskwatch.store.values import Receipt, Total
from maskwatch.types import MaskState


class Reader:
    """The part of the event store that reads events; see `EventStore`."""

    _database: Database

    def episodes(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        camera: str | None = None,
        state: MaskState | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Episode]:
        """Episodes by their start; all that lie from `since` to before `until` for a part.

        What goes on has no end yet, and reaches into every `since`.
        """
        query = _between(select(episodes), episodes, "start", None, until, camera)
        if since is not None:
            query = query.where(episodes.c.end.is_(None) | (episodes.c.end >= since))
        if state is not None:
            query = query.where(episodes.c.state == state)
        key = [episodes.c.start, episodes.c.id]
        rows = paged(self._database, query, key, limit=limit, newest_first=newest_first)
        return (item_of(Episode, episodes, row) for row in rows)

    def alerts(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        camera: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Alert]:
        """Phases of alerts by their time, which lies from `since` to before `until`."""
        query = _between(select(alerts), alerts, "time", since, until, camera)
        key = [alerts.c.time, alerts.c.id, alerts.c.number]
        rows = paged(self._database, query, key, limit=limit, newest_first=newest_first)
        return (item_of(Alert, alerts, row) for row in rows)

    def minutes(
        self, *, since: float | None = None, until: float | None = None, camera: str | None = None
    ) -> Iterator[Minute]:
        """Minutes by their start, which lies from `since` to before `until`."""
        query = _between(select(minutes), minutes, "start", since, until, camera)
        key = [minutes.c.start, minutes.c.camera, minutes.c.run]
        return (item_of(Minute, minutes, row) for row in paged(self._database, query, key))

    def totals(
        self,
        *,
        by: By,
        since: float | None = None,
        until: float | None = None,
        camera: str | None = None,
        zone: tzinfo | None = None,
    ) -> list[Total]:
        """Sums over minutes: by hour or day of a time zone (this machine's), or by camera."""
        query = _between(totals_query(by), minutes, "start", since, until, camera)
        with self._database.reading() as connection:
            return totals_of(list(connection.execute(query)), by, zone)

    def cameras(self) -> list[CameraStatus]:
        """The cameras as they were last known, by name."""
        query = select(cameras).order_by(cameras.c.name)
        with self._database.reading() as connection:
            return [item_of(CameraStatus, cameras, row) for row in connection.execute(query)]

    def receipts(self) -> list[Receipt]:
        """What purges deleted, in their order."""
        query = select(receipts).order_by(receipts.c.id)
        with self._database.reading() as connection:
            return [item_of(Receipt, receipts, row) for row in connection.execute(query)]


def _between(
    query: Select[Any],
    table: Table,
    time: str,
    since: float | None,
    until: float | None,
    camera: str | None,
) -> Select[Any]:
    if since is not None:
        query = query.where(table.c[time] >= since)
    if until is not None:
        query = query.where(table.c[time] < until)
    return query if camera is None else query.where(table.c.camera == camera)
