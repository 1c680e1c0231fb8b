"""Deleting what is older than the site wants to keep, once an hour."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskwatch.app.live.clock import Clock
from maskwatch.app.site.tables import StorageTable
from maskwatch.errors import StoreError
from maskwatch.store.eventstore import EventStore
from maskwatch.store.values import Receipt

_logger = logging.getLogger(__name__)
_EVERY_S = 3600.0


def purge(store: EventStore, storage: StorageTable, now: float) -> Receipt:
    """Delete what is too old, pictures too; the store keeps the receipt.

    Raises:
        StoreError: it could not be deleted now.
    """
    return store.purge(
        now=now,
        keep_s=storage.keep_s,
        keep_minutes_s=storage.keep_counts_s,
        delete_file=lambda name: Path(name).unlink(missing_ok=True),
    )


@contextmanager
def housekeeping(store: EventStore, storage: StorageTable, clock: Clock) -> Iterator[None]:
    """Purge at once and then each hour, in a thread, while entered."""
    closed = threading.Event()

    def work() -> None:
        while True:
            try:
                receipt = purge(store, storage, clock.wall(clock.steady()))
            except StoreError as error:
                _logger.warning("nothing was deleted: %s", error)
            else:
                _logger.info("deleted %d episodes and %d alerts", receipt.episodes, receipt.alerts)
            if closed.wait(_EVERY_S):
                return

    thread = threading.Thread(target=work, name="housekeeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join(5)
