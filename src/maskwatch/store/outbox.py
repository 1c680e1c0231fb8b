"""Deliveries that wait in the database until their channel told them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, Select, func, select, update

from maskwatch.events import Alert
from maskwatch.store.database import Database
from maskwatch.store.paging import paged
from maskwatch.store.schema import alerts, deliveries, item_of
from maskwatch.store.values import Delivery, DeliveryState, Waiting

_ERROR_CHARACTERS = 500


class Outbox:
    """What channels still have to tell, and what became of it.

    Each channel tells in the order in which alerts were saved: nothing overtakes its head. A
    delivery is told at least once: again, where its end could not be stored.
    Every method raises StoreError where the database cannot be used, and may be called again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self, channel: str) -> Delivery | None:
        """The oldest pending delivery of a channel; its `wait_s` says when to try it."""
        query = (
            _deliveries()
            .where(deliveries.c.channel == channel)
            .where(deliveries.c.state == DeliveryState.PENDING)
            .order_by(deliveries.c.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _delivery(row)

    def delivered(self, delivery: Delivery, *, now: float) -> None:
        """The other side has it."""
        self._tried(delivery, now, state=DeliveryState.DELIVERED, error=None)

    def postponed(self, delivery: Delivery, *, error: str, now: float, next_try: float) -> None:
        """It could not be told now, and is tried again from `next_try` on."""
        self._tried(delivery, now, error=error[:_ERROR_CHARACTERS], next_try=next_try)

    def gave_up(self, delivery: Delivery, *, error: str, now: float) -> None:
        """It will not be told: the next one may go, this one stays visible."""
        self._tried(delivery, now, state=DeliveryState.FAILED, error=error[:_ERROR_CHARACTERS])

    def _tried(self, delivery: Delivery, now: float, **changes: Any) -> None:
        # From what was read, so that a second call after a lost answer counts no attempt.
        changes |= {"attempts": delivery.attempts + 1, "tried": now}
        with self._database.writing() as connection:
            change = update(deliveries).where(deliveries.c.id == delivery.id)
            connection.execute(change.values(changes))

    def waiting(self) -> list[Waiting]:
        """The channels with something pending or failed, by name."""
        is_pending = deliveries.c.state == DeliveryState.PENDING
        counts = (
            select(
                deliveries.c.channel,
                func.count().filter(is_pending).label("pending"),
                func.count().filter(~is_pending).label("failed"),
                func.min(deliveries.c.id).filter(is_pending).label("head"),
            )
            .where(deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.FAILED]))
            .group_by(deliveries.c.channel)
            .order_by(deliveries.c.channel)
        )
        with self._database.reading() as connection:
            rows = connection.execute(counts).all()
            ids = [row.head for row in rows]
            found = connection.execute(_deliveries().where(deliveries.c.id.in_(ids))).all()
        heads = {head.id: head for head in map(_delivery, found)}
        return [
            Waiting(channel=channel, pending=pending, failed=failed, head=heads.get(head))
            for channel, pending, failed, head in rows
        ]

    def deliveries(
        self,
        *,
        channel: str | None = None,
        state: DeliveryState | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Delivery]:
        """Deliveries in the order in which they were saved."""
        query = _deliveries()
        if channel is not None:
            query = query.where(deliveries.c.channel == channel)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        key = [deliveries.c.id]
        rows = paged(self._database, query, key, limit=limit, newest_first=newest_first)
        return map(_delivery, rows)


def _deliveries() -> Select[Any]:
    same = (deliveries.c.alert == alerts.c.id) & (deliveries.c.number == alerts.c.number)
    return select(deliveries, alerts).join_from(deliveries, alerts, same)


def _delivery(row: Row[Any]) -> Delivery:
    names = ("id", "channel", "state", "attempts", "tried", "next_try", "error")
    own = {name: row._mapping[deliveries.c[name]] for name in names}
    return Delivery(alert=item_of(Alert, alerts, row), **own)
