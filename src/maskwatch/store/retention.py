"""Deleting what is old, with a receipt."""

from collections.abc import Callable

from sqlalchemy import Connection, delete, exists, func, insert, select

from maskwatch.errors import StoreError
from maskwatch.store.schema import alerts, deliveries, episodes, minutes, receipts, row_of
from maskwatch.store.values import DeliveryState, Receipt


def purge(
    connection: Connection,
    *,
    now: float,
    keep_s: float,
    keep_minutes_s: float,
    delete_file: Callable[[str], object],
) -> Receipt:
    """Delete old rows and the snapshots that only they named; see `EventStore.purge`."""
    limit = now - keep_s
    before = _snapshots(connection)
    delivery_is_old = exists().where(
        alerts.c.id == deliveries.c.alert,
        alerts.c.number == deliveries.c.number,
        alerts.c.time < limit,
    )
    has_delivery = exists().where(
        deliveries.c.alert == alerts.c.id, deliveries.c.number == alerts.c.number
    )
    is_finished = deliveries.c.state != DeliveryState.PENDING
    # Deliveries first: what still has one then is an alert that somebody has yet to tell.
    statements = {
        "deliveries": delete(deliveries).where(is_finished, delivery_is_old),
        "alerts": delete(alerts).where(alerts.c.time < limit, ~has_delivery),
        # Also one that nobody ended: its camera may be gone.
        "episodes": delete(episodes).where(
            func.coalesce(episodes.c.end, episodes.c.last_seen) < limit
        ),
        "minutes": delete(minutes).where(minutes.c.start < now - keep_minutes_s),
    }
    counts = {name: connection.execute(step).rowcount for name, step in statements.items()}
    snapshots = before - _snapshots(connection)
    for name in sorted(snapshots):
        _delete(name, delete_file)
    receipt = Receipt(
        time=now, keep_s=keep_s, keep_minutes_s=keep_minutes_s, snapshots=len(snapshots), **counts
    )
    connection.execute(insert(receipts).values(row_of(receipt)))
    return receipt


def _snapshots(connection: Connection) -> set[str]:
    named = select(alerts.c.snapshot).where(alerts.c.snapshot.is_not(None)).distinct()
    return set(connection.execute(named).scalars())


def _delete(name: str, delete_file: Callable[[str], object]) -> None:
    try:
        delete_file(name)
    except OSError as error:
        raise StoreError(
            f"cannot delete the snapshot {name}: {error.strerror}; nothing was deleted from the "
            "event store, the next purge tries again"
        ) from error
