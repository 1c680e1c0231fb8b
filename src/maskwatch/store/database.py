"""A database that is open: transactions to read and to write, errors as sentences."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from maskwatch.errors import StoreError
from maskwatch.store.address import parse_address
from maskwatch.store.engines import Begin, engine_for
from maskwatch.store.migrate import is_current, migrate

_ADVICE = {
    "locked": "another program is writing to it; try again when it is done",
    "lock timeout": "another program is writing to it; try again when it is done",
    "is full": "make room on the disk",
    "no space left": "make room on the disk",
    "disk i/o error": "make room on the disk, and see whether it is sound",
    "not a database": "name another file, or restore this one from a backup",
    "malformed": "restore it from a backup",
    "readonly": "allow this user to write the file and its folder",
    "unable to open": "check that the file is there and that this user may write it",
    "does not exist": "check the names in the address, or create it",
    "password": "check the user and the password in the address",
    "connect": "check that the server runs and that the address is right",
}
_RETRY_S = 0.02


class Database:
    """A database with the tables of maskwatch; threads may share it.

    Raises:
        StoreError: it cannot be opened, or belongs to another program or a newer maskwatch.
        MissingExtra: PostgreSQL without its driver.
    """

    def __init__(self, url: str, *, create: bool = True, timeout_s: float = 5.0) -> None:
        self._address = parse_address(url)
        self.path, self.shown = self._address.path, self._address.shown
        self._timeout_s = timeout_s
        if self.path is not None:
            _find_file(self.path, self.shown, create=create)
        self._engine = engine_for(self._address, timeout_s=timeout_s)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        with self.reading("open") as connection:
            current = is_current(connection, self.shown)
        if self.path is not None:
            self._use_wal()
        if not current:
            with self.writing("open") as connection:
                migrate(connection)

    def _use_wal(self) -> None:
        """Let readers and a writer work side by side; the file remembers it."""
        deadline = time.monotonic() + self._timeout_s
        with self._transaction("open", Begin.NOT) as connection:
            while True:
                try:
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                    return
                except OperationalError as error:
                    # SQLite does not wait here while another program does the same.
                    if "locked" not in str(error.orig) or time.monotonic() > deadline:
                        raise
                    time.sleep(_RETRY_S)

    @contextmanager
    def _transaction(self, verb: str, begin: Begin) -> Iterator[Connection]:
        engine = self._engine.execution_options(begin=begin)
        try:
            with engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(
                f"cannot {verb} the event store {self.shown}: {self._reason(error)}"
            ) from error

    def _reason(self, error: SQLAlchemyError) -> str:
        cause = error.orig if isinstance(error, DBAPIError) else error
        lines = str(cause).splitlines() or [type(cause).__name__]
        reason = self._address.masked(lines[0])
        advice = [words for sign, words in _ADVICE.items() if sign in lines[0].lower()]
        return "; ".join([reason, *advice[:1]])

    def reading(self, verb: str = "read") -> AbstractContextManager[Connection]:
        """A transaction to read in.

        Raises:
            StoreError: it is gone, or not to be read.
        """
        return self._transaction(verb, Begin.TO_READ)

    def writing(self, verb: str = "write to") -> AbstractContextManager[Connection]:
        """A transaction that is committed at the end, or leaves nothing.

        Raises:
            StoreError: it is locked, full or gone. Where the connection broke in the very moment
                of the commit it may have been stored all the same.
        """
        return self._transaction(verb, Begin.TO_WRITE)

    def shrink_log(self) -> None:
        """Empty SQLite's log, which still holds what was deleted; readers may prevent it.

        Raises:
            StoreError: the disk is full, say.
        """
        if self.path is not None:
            with self._transaction("tidy up", Begin.NOT) as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def size_bytes(self) -> int:
        """What the database takes on the disk.

        Raises:
            StoreError: it cannot be asked.
        """
        if self.path is None:
            with self.reading() as connection:
                size = text("SELECT pg_database_size(current_database())")
                return int(connection.execute(size).scalar_one())
        log = self.path.with_name(f"{self.path.name}-wal")
        try:
            return sum(path.stat().st_size for path in (self.path, log) if path.exists())
        except OSError as error:
            raise StoreError(f"cannot read {self.shown}: {error.strerror}") from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _find_file(path: Path, shown: str, *, create: bool) -> None:
    if not create and not path.is_file():
        raise StoreError(f"there is no event store {shown}; maskwatch watch makes one")
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Events are nobody else's business on a machine with many users.
            path.touch(mode=0o600)
    except OSError as error:
        raise StoreError(
            f"cannot open the event store {shown}: {error.strerror}; "
            "name a file in a folder that this user may write"
        ) from error
