"""A lock on a database of PostgreSQL, which lasts as long as the connection that took it."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from maskwatch.store.address import Address
from maskwatch.store.engines import engine_for

_logger = logging.getLogger(__name__)
_TIMEOUT_S, _FAREWELL_S = 5.0, 0.5
_LOOK_EVERY_S = 5.0
_PATIENCE_S, _RETRY_S = 2.0, 0.1
"""A server needs a moment to see that a watch which was killed has gone."""
# "mask", so that locks of other programs are others; each schema is a database of its own.
_TAKE = "SELECT pg_try_advisory_lock(1835103083, hashtext(coalesce(current_schema(), '')))"
# A machine that was cut off must not hold the lock for hours.
_KEEPALIVE = ("idle = 10", "interval = 5", "count = 3")


@contextmanager
def held_on_server(address: Address, *, look_every_s: float = _LOOK_EVERY_S) -> Iterator[bool]:
    """Hold the lock while entered, and say whether it is ours; True if the server is away.

    A connection that breaks is made anew, and the lock taken anew with it.
    """
    lock, closed = ServerLock(address), threading.Event()

    def keep() -> None:
        while not closed.wait(look_every_s):
            lock.keep()

    keeper = threading.Thread(target=keep, name="database lock", daemon=True)
    try:
        ours = lock.take_within(_PATIENCE_S)
        if ours:
            keeper.start()
        yield ours
    finally:
        closed.set()
        if keeper.is_alive():
            keeper.join(_FAREWELL_S)
        # One that waits for a server which does not answer ends with the process, and the lock too.
        if not keeper.is_alive():
            lock.release()


class ServerLock:
    """The lock of one database; only one thread at a time may use it."""

    def __init__(self, address: Address) -> None:
        self._shown = address.shown
        self._engine = engine_for(address, timeout_s=_TIMEOUT_S)
        self._connection: Connection | None = None
        self._warned = False

    def take_within(self, patience_s: float) -> bool:
        """Whether it is ours; asked again for a while, where another has it."""
        deadline = time.monotonic() + patience_s
        try:
            while not self._take():
                if time.monotonic() > deadline:
                    return False
                time.sleep(_RETRY_S)
        except SQLAlchemyError:
            self._let_go()
        return True

    def keep(self) -> None:
        """See whether it is still ours, and take it again where it is not."""
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return
            lost = not self._take()
        except SQLAlchemyError:  # The server is away; who writes there says so.
            self._let_go()
            return
        if lost and not self._warned:
            _logger.error("another watch has begun to store its events in %s", self._shown)
        self._warned = lost

    def _take(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection = connection
        for setting in _KEEPALIVE:
            connection.execute(text(f"SET tcp_keepalives_{setting}"))
        if connection.execute(text(_TAKE)).scalar_one():
            return True
        self._let_go()
        return False

    def _let_go(self) -> None:
        """Close the connection, and with it the lock."""
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                # Not back into the pool: there it would hold the lock.
                self._connection.invalidate()
                self._connection.close()
            self._connection = None

    def release(self) -> None:
        """Let another have it."""
        self._let_go()
        self._engine.dispose()
