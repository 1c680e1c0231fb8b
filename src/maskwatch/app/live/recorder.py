"""Between watching and the database: nothing waits for a disk, nothing is lost to a full one."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from maskwatch.errors import StoreError
from maskwatch.events import Batch
from maskwatch.store.eventstore import EventStore

_logger = logging.getLogger(__name__)
_RETRY_S = 2.0
_MOST_EVENTS = 100_000


@dataclass(slots=True)
class RecorderCounts:
    """Batches that wait for the database, events that were given up for want of memory."""

    waiting: int = 0
    lost: int = 0
    failures: int = 0


class Recorder:
    """Stores batches in their order from a thread of its own.

    While the database is full, locked or gone the batches wait in memory, and are tried again.
    """

    def __init__(
        self, store: EventStore, on_saved: Callable[[], None], *, retry_s: float = _RETRY_S
    ) -> None:
        self.counts = RecorderCounts()
        self.error: str | None = None
        self._store = store
        self._on_saved = on_saved
        self._retry_s = retry_s
        self._waiting: deque[Batch] = deque()
        self._events = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Take what is to be stored; returns at once."""
        if not batch:
            return
        with self._changed:
            self._waiting.append(batch)
            self._events += _size(batch)
            while self._events > _MOST_EVENTS and len(self._waiting) > 1:
                dropped = self._waiting.popleft()
                self._events -= _size(dropped)
                if not self.counts.lost:
                    _logger.error("events are lost: the database takes nothing, memory is full")
                self.counts.lost += _size(dropped)
            self.counts.waiting = len(self._waiting)
            self._changed.notify()

    def close(self, timeout_s: float) -> bool:
        """Store what waits; return whether all that ever came was stored in time."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._waiting and not self.counts.lost

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                batches = list(self._waiting)
            if self._stored(_joined(batches)):
                with self._changed:
                    for batch in batches:
                        # What was given up meanwhile, for want of memory, is gone already.
                        if self._waiting and self._waiting[0] is batch:
                            self._waiting.popleft()
                            self._events -= _size(batch)
                    self.counts.waiting = len(self._waiting)
                self._on_saved()
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, self._retry_s)
                    if self._closed:
                        self._changed.wait(0.2)  # Do not spin on a database that is gone.

    def _stored(self, batch: Batch) -> bool:
        try:
            self._store.save(batch)
        except Exception as error:  # Whatever it is: events wait, and the thread goes on.
            self.counts.failures += 1
            if not isinstance(error, StoreError):
                _logger.exception("the database failed in an unforeseen way")
            elif self.error is None:
                _logger.warning("events wait in memory: %s", error)
            self.error = str(error)
            return False
        if self.error is not None:
            _logger.warning("the database takes events again")
        self.error = None
        return True


def _size(batch: Batch) -> int:
    return len(batch.episodes) + len(batch.minutes) + len(batch.alerts) + len(batch.cameras)


def _joined(batches: list[Batch]) -> Batch:
    """All in one, the latest state of each; one transaction for many frames."""
    return Batch(
        episodes=tuple({e.id: e for b in batches for e in b.episodes}.values()),
        minutes=tuple({(m.camera, m.start): m for b in batches for m in b.minutes}.values()),
        alerts=tuple(pair for b in batches for pair in b.alerts),
        cameras=tuple({c.name: c for b in batches for c in b.cameras}.values()),
    )
