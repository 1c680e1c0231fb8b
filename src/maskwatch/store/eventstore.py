"""The event store: what is seen and told is saved here, and read from here."""

from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Self

from sqlalchemy import Connection, Table, update
from sqlalchemy.dialects import postgresql, sqlite

from maskwatch.events import Batch
from maskwatch.store import retention
from maskwatch.store.database import Database
from maskwatch.store.outbox import Outbox
from maskwatch.store.reader import Reader
from maskwatch.store.schema import alerts, cameras, deliveries, episodes, minutes, row_of
from maskwatch.store.values import DeliveryState, Receipt

_NEW_DELIVERY = {"state": DeliveryState.PENDING, "attempts": 0, "next_try": 0.0}


class EventStore(Reader):
    """Events in a database; threads may share it, and other processes may open the same one.

    Every method raises StoreError where the database is locked, full or gone; it works again as
    soon as the database does. `outbox` is what channels still have to tell; `shown` is where the
    store is, without the password.

    Args:
        url: a path or `sqlite:///PATH`, or `postgresql://USER:PASSWORD@HOST/DATABASE`.
        create: whether a file of SQLite that is not there is made.
        timeout_s: how long to wait for another program's lock, and for a server.

    Raises:
        StoreError: it cannot be opened, or belongs to another program or a newer maskwatch.
        MissingExtra: PostgreSQL without its driver.
    """

    def __init__(self, url: str, *, create: bool = True, timeout_s: float = 5.0) -> None:
        self._database = Database(url, create=create, timeout_s=timeout_s)
        self.outbox = Outbox(self._database)
        self.shown = self._database.shown

    def save(self, batch: Batch) -> None:
        """Store a batch whole or not at all; a batch that is there already changes nothing.

        Raises:
            StoreError: it could not be stored now, or the answer was lost; try the same again.
        """
        if not batch:
            return
        waiting = [
            _NEW_DELIVERY | {"alert": alert.id, "number": alert.number, "channel": channel}
            for alert, channels in batch.alerts
            for channel in channels
        ]
        with self._database.writing() as connection:
            _put(connection, cameras, [row_of(item) for item in batch.cameras])
            _put(connection, episodes, [row_of(item) for item in batch.episodes])
            _put(connection, minutes, [row_of(item) for item in batch.minutes])
            _add(connection, alerts, [row_of(alert) for alert, _ in batch.alerts])
            _add(connection, deliveries, waiting)

    def close_open_episodes(self, of_cameras: Collection[str] | None = None) -> int:
        """After a crash: end what goes on where it was last seen, marked as broken; how many."""
        change = update(episodes).where(episodes.c.end.is_(None))
        if of_cameras is not None:
            change = change.where(episodes.c.camera.in_(of_cameras))
        with self._database.writing() as connection:
            ended = change.values({"end": episodes.c.last_seen, "broken": True})
            return connection.execute(ended).rowcount

    def purge(
        self,
        *,
        now: float,
        keep_s: float,
        keep_minutes_s: float,
        delete_file: Callable[[str], object],
    ) -> Receipt:
        """Delete what is older; the receipt is stored, too.

        Episodes and alerts go after `keep_s`, minutes after `keep_minutes_s`. What goes on or
        waits to be told stays. `delete_file` is called with each snapshot that no alert names any
        more; it must bear one that is gone already, for the rows go only once all files went.

        Raises:
            StoreError: a file or the rows cannot be deleted; all rows stay.
        """
        with self._database.writing() as connection:
            receipt = retention.purge(
                connection,
                now=now,
                keep_s=keep_s,
                keep_minutes_s=keep_minutes_s,
                delete_file=delete_file,
            )
        self._database.shrink_log()
        return receipt

    def size_bytes(self) -> int:
        """What the database takes on the disk."""
        return self._database.size_bytes()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _put(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; those that are there take the new values."""
    if rows:
        connection.execute(_inserting(connection.dialect.name, table, replacing=True), rows)


def _add(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; those that are there stay as they are."""
    if rows:
        connection.execute(_inserting(connection.dialect.name, table, replacing=False), rows)


@cache  # Making a statement takes longer than running it.
def _inserting(dialect: str, table: Table, *, replacing: bool) -> sqlite.Insert | postgresql.Insert:
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    if not replacing:
        return insert.on_conflict_do_nothing()
    key = list(table.primary_key)
    new = {column.name: insert.excluded[column.name] for column in table.c if column not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=new)
