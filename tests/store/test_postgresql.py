"""A server of PostgreSQL: restarted, gone, locked, and its secrets."""

import sys
import threading
import time

import psycopg
import pytest

from maskwatch.errors import MissingExtra, StoreError
from maskwatch.events import Batch, Episode
from maskwatch.store import EventStore
from tests.store.conftest import PASSWORD, Postgres, episode


def test_it_works_again_after_a_restart(postgres: Postgres) -> None:
    with EventStore(postgres.new_database()) as store:
        store.save(Batch(episodes=(episode(person="before"),)))
        postgres.stop()
        postgres.start()
        store.save(Batch(episodes=(episode(person="after"),)))
        postgres.stop()
        try:
            for _ in range(2):
                with pytest.raises(StoreError, match="check that the server runs") as caught:
                    store.save(Batch(episodes=(episode(person="lost"),)))
            assert PASSWORD not in str(caught.value)
            with pytest.raises(StoreError, match="cannot read the event store"):
                store.outbox.head("bell")
        finally:
            postgres.start()
        store.save(Batch(episodes=(episode(person="back"),)))
        assert [e.person for e in store.episodes()].count("lost") == 0
        assert {e.person for e in store.episodes()} == {"before", "after", "back"}


def test_a_restart_in_mid_run_loses_nothing(postgres: Postgres) -> None:
    reported: list[str] = []
    failed, stop = threading.Event(), threading.Event()

    def write(store: EventStore) -> None:
        while not stop.is_set():
            seen = episode()
            while seen.id not in reported:
                reported.extend(try_to_save(store, seen))

    def try_to_save(store: EventStore, seen: Episode) -> list[str]:
        try:
            store.save(Batch(episodes=(seen,)))
        except StoreError:
            failed.set()
            stop.wait(0.05)
            return []
        return [seen.id]

    with EventStore(postgres.new_database()) as store:
        writer = threading.Thread(target=write, args=(store,))
        writer.start()
        try:
            for _ in range(2):
                before = len(reported)
                postgres.stop()
                assert failed.wait(20)
                postgres.start()
                while len(reported) < before + 20 and writer.is_alive():
                    stop.wait(0.01)
                failed.clear()
        finally:
            stop.set()
            writer.join(timeout=20)
        assert sorted(e.id for e in store.episodes()) == sorted(reported)


def test_locked_it_fails_soon_and_works_after(postgres: Postgres) -> None:
    address = postgres.new_database()
    with EventStore(address, timeout_s=0.2) as store, psycopg.connect(address) as other:
        other.execute("LOCK TABLE episodes IN ACCESS EXCLUSIVE MODE")
        before = time.monotonic()
        with pytest.raises(StoreError, match="lock timeout; another program"):
            store.save(Batch(episodes=(episode(),)))
        assert time.monotonic() - before < 20
        other.rollback()
        store.save(Batch(episodes=(episode(),)))
        assert len(list(store.episodes())) == 1


def test_a_wrong_password_is_not_shown(postgres: Postgres) -> None:
    with pytest.raises(StoreError, match="check the user and the password") as caught:
        EventStore(postgres.url("postgres", password="guessed"))
    assert "guessed" not in str(caught.value)
    assert "me:***@127.0.0.1" in str(caught.value)


def test_a_database_that_is_not_there(postgres: Postgres) -> None:
    with pytest.raises(StoreError, match='"nowhere" does not exist; check the names'):
        EventStore(postgres.url("nowhere"))


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"pip install 'maskwatch\[postgresql\]'"):
        EventStore("postgresql://me@127.0.0.1/x")


def test_without_sqlalchemy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("maskwatch.store")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtra, match=r"pip install 'maskwatch\[live\]'"):
        __import__("maskwatch.store")
