"""The tables, and databases of other versions and other programs."""

import sqlite3
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from maskwatch.errors import StoreError
from maskwatch.events import Alert, Batch, CameraStatus, Episode, Minute
from maskwatch.store import EventStore, Receipt
from maskwatch.store.address import parse_address
from maskwatch.store.engines import engine_for
from maskwatch.store.migrate import VERSION_TABLE
from maskwatch.store.schema import alerts, cameras, episodes, metadata, minutes, receipts
from tests.store.conftest import episode

OPEN = "import sys; from maskwatch.store import EventStore; EventStore(sys.argv[1]).close()"


def test_columns_are_the_fields() -> None:
    held = {episodes: Episode, alerts: Alert, minutes: Minute, cameras: CameraStatus}
    for table, kind in held.items():
        assert {column.name for column in table.c} == {field.name for field in fields(kind)}
    assert set(receipts.c.keys()) == {"id", *(field.name for field in fields(Receipt))}


def test_the_migrations_make_the_tables_of_the_program(address: str) -> None:
    EventStore(address).close()
    engine = engine_for(parse_address(address), timeout_s=5)
    try:
        with engine.connect() as connection:
            options = {"version_table": VERSION_TABLE, "compare_type": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []
    finally:
        engine.dispose()


def test_it_can_be_opened_again_and_again(address: str) -> None:
    for _ in range(3):
        with EventStore(address) as store:
            store.save(Batch(episodes=(episode(),)))
    with EventStore(address, create=False) as store:
        assert len(list(store.episodes())) == 3


def test_programs_that_start_at_once_make_it_once(address: str) -> None:
    command = [sys.executable, "-W", "error", "-c", OPEN, address]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    outcomes = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, outcomes
    with EventStore(address) as store:
        assert list(store.episodes()) == []


def test_an_empty_file_is_a_new_database(sqlite_file: Path) -> None:
    sqlite_file.parent.mkdir()
    sqlite_file.touch()
    with EventStore(str(sqlite_file)) as store:
        assert store.cameras() == []


def test_a_newer_schema_is_left_alone(address: str) -> None:
    EventStore(address).close()
    engine = engine_for(parse_address(address), timeout_s=5)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="newer maskwatch.*9999.*update maskwatch"):
        EventStore(address)


def test_a_database_of_another_program_is_left_alone(sqlite_file: Path) -> None:
    sqlite_file.parent.mkdir()
    other = sqlite3.connect(sqlite_file)
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    before = sqlite_file.read_bytes()
    with pytest.raises(StoreError, match="tables of another program"):
        EventStore(str(sqlite_file))
    assert sqlite_file.read_bytes() == before
