"""Deleting what is older than the site wants to keep, once an hour."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskwatch.app.live.clock import Clock
from maskwatch.app.live.snapshots import SNAPSHOT
from maskwatch.app.site.tables import StorageTable
from maskwatch.errors import StoreError
from maskwatch.store.eventstore import EventStore
from maskwatch.store.values import Receipt

_logger = logging.getLogger(__name__)
_FIRST_S, _EVERY_S = 600.0, 3600.0
"""Not at once: a machine that has just started may not know the date yet."""


def purge(store: EventStore, storage: StorageTable, now: float) -> Receipt:
    """Delete what is too old, pictures too; the store keeps the receipt.

    Raises:
        StoreError: it could not be deleted now.
    """
    receipt = store.purge(
        now=now,
        keep_s=storage.keep_s,
        keep_minutes_s=storage.keep_counts_s,
        delete_file=lambda name: Path(name).unlink(missing_ok=True),
    )
    _delete_strays(storage.snapshot_folder, now - storage.keep_s)
    return receipt


def _delete_strays(folder: Path, limit: float) -> None:
    """Snapshots that no alert names, since the program was killed between the two."""
    try:
        # Where snapshots are off, too: they may have been on. Nothing else has such names.
        for path in folder.glob("*Z-*.jpg"):
            if SNAPSHOT.fullmatch(path.name) and path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)
    except OSError as error:
        _logger.warning("cannot delete old snapshots in %s: %s", folder, error.strerror)


@contextmanager
def housekeeping(store: EventStore, storage: StorageTable, clock: Clock) -> Iterator[None]:
    """Purge after ten minutes and then each hour, in a thread, while entered."""
    closed = threading.Event()

    def work() -> None:
        wait_s = _FIRST_S
        while not closed.wait(wait_s):
            wait_s = _EVERY_S
            try:
                receipt = purge(store, storage, clock.wall(clock.steady()))
            except StoreError as error:
                _logger.warning("nothing was deleted: %s", error)
            else:
                _logger.info("deleted %d episodes and %d alerts", receipt.episodes, receipt.alerts)

    thread = threading.Thread(target=work, name="housekeeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join(0.5)
