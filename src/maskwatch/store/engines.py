"""Engines of SQLAlchemy, set so that what was committed stays, and waiting has an end."""

import math
import sqlite3
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError

from maskwatch.errors import MissingExtra
from maskwatch.store.address import Address


class Begin(StrEnum):
    """How a transaction of SQLite begins; PostgreSQL needs no difference."""

    TO_READ = "BEGIN"
    # A writer that took its lock late would fail at once where it should wait.
    TO_WRITE = "BEGIN IMMEDIATE"
    # For what SQLite does not do inside of a transaction.
    NOT = ""


def engine_for(address: Address, *, timeout_s: float) -> Engine:
    """An engine that has not connected yet.

    Raises:
        MissingExtra: PostgreSQL without its driver.
    """
    if address.path is not None:
        return _sqlite(address.path, timeout_s)
    return _postgresql(address, timeout_s)


def _sqlite(path: Path, timeout_s: float) -> Engine:
    # Without mode=rw a file that was removed would come back empty, unnoticed.
    uri = f"{path.as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        # Transactions are begun below: Python's sqlite3 would begin them late, and only some.
        return sqlite3.connect(
            uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False
        )

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_timeout=timeout_s,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, record: Any) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        # What was reported committed survives a power cut, too.
        connection.execute("PRAGMA synchronous = FULL")
        # Deleted rows are overwritten, not only forgotten.
        connection.execute("PRAGMA secure_delete = ON")
        record.info["file"] = _identity(path)

    @event.listens_for(engine, "checkout")
    def check(connection: sqlite3.Connection, record: Any, proxy: Any) -> None:
        # An open connection goes on writing to a file that was removed or replaced.
        if _identity(path) != record.info["file"]:
            raise DisconnectionError(f"{path} was removed or replaced")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("begin", Begin.TO_READ)
        if statement:
            connection.exec_driver_sql(statement)

    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _postgresql(address: Address, timeout_s: float) -> Engine:
    milliseconds = math.ceil(timeout_s * 1000)
    try:
        engine = create_engine(
            address.url,
            pool_pre_ping=True,
            pool_timeout=timeout_s,
            hide_parameters=True,
            connect_args={
                "application_name": "maskwatch",
                # psycopg hands out bytes where the server does not name an encoding.
                "client_encoding": "utf8",
                "connect_timeout": max(2, math.ceil(timeout_s)),
                "tcp_user_timeout": max(2000, milliseconds),
            },
        )
    except ImportError as error:
        raise MissingExtra(
            "PostgreSQL needs an extra: pip install 'maskwatch[postgresql]'"
        ) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        connection.execute(f"SET lock_timeout = {milliseconds}")
        connection.commit()

    return engine
