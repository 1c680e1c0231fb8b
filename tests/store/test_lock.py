"""One watch for each database, on both kinds."""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from maskwatch.errors import UsageError
from maskwatch.store.address import parse_address
from maskwatch.store.lock import held_alone
from maskwatch.store.serverlock import ServerLock, held_on_server
from tests.store.conftest import PASSWORD, Postgres

_HOLDERS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def holders(address: str) -> list[int]:
    with psycopg.connect(address) as connection:
        return [pid for (pid,) in connection.execute(_HOLDERS)]


def until(what: Callable[[], bool], limit_s: float = 20.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def test_one_holds_it_the_next_waits_its_turn(address: str) -> None:
    with held_alone(address):
        with (
            pytest.raises(UsageError, match="another watch stores its events in") as caught,
            held_alone(address),
        ):
            pass
        assert PASSWORD not in str(caught.value)
    with held_alone(address):
        pass


def test_databases_of_one_server_are_held_apart(postgres: Postgres) -> None:
    first, second = postgres.new_database(), postgres.new_database()
    with held_alone(first), held_alone(second):
        assert (len(holders(first)), len(holders(second))) == (1, 1)
    assert until(lambda: not holders(first))


def test_the_schemas_of_a_database_are_held_apart(postgres: Postgres) -> None:
    address = postgres.new_database()
    with psycopg.connect(address) as connection:
        connection.execute("CREATE SCHEMA other")
    with held_alone(address), held_alone(f"{address}?options=-csearch_path%3Dother"):
        assert len(holders(address)) == 2


def test_a_connection_that_breaks_is_made_anew(postgres: Postgres) -> None:
    address = postgres.new_database()
    with held_on_server(parse_address(address), look_every_s=0.05) as ours:
        assert ours
        (before,) = holders(address)
        with psycopg.connect(address) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [before])
        assert until(lambda: holders(address) not in ([before], []))
        postgres.stop()
        postgres.start()
        assert until(lambda: len(holders(address)) == 1)


def test_who_lost_it_to_another_says_so(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    address = postgres.new_database()
    lock = ServerLock(parse_address(address))
    assert lock.take_within(0)
    with psycopg.connect(address) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", holders(address))
    lock.keep()
    with held_alone(address):
        lock.keep()
        lock.keep()
        assert caplog.text.count("another watch has begun to store its events in") == 1
        assert PASSWORD not in caplog.text
    lock.release()


def test_a_server_that_is_away_is_no_other_watch(postgres: Postgres) -> None:
    address = postgres.url("nowhere")
    with held_alone(address):
        pass


def test_where_no_lock_can_be_written_the_database_complains(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with held_alone(str(tmp_path / "file" / "events.db")):
        pass
