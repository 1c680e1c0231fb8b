"""A file of SQLite: locked, full, removed, damaged, forbidden, and its writer killed."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from maskwatch.errors import StoreError
from maskwatch.events import Batch
from maskwatch.store import EventStore
from tests.store.conftest import alert, episode

WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture
def store(sqlite_file: Path) -> Iterator[EventStore]:
    with EventStore(str(sqlite_file), timeout_s=0.2) as store:
        yield store


def is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute("PRAGMA integrity_check")) == [("ok",)]


def test_readers_and_a_writer_work_side_by_side(store: EventStore, sqlite_file: Path) -> None:
    with closing(sqlite3.connect(sqlite_file)) as other:
        assert list(other.execute("PRAGMA journal_mode")) == [("wal",)]
        other.execute("BEGIN")
        assert list(other.execute("SELECT count(*) FROM episodes")) == [(0,)]
        store.save(Batch(episodes=(episode(),)))
        assert list(other.execute("SELECT count(*) FROM episodes")) == [(0,)]
    assert len(list(store.episodes())) == 1


def test_only_its_owner_may_read_it(store: EventStore, sqlite_file: Path) -> None:
    store.save(Batch(episodes=(episode(),)))
    for path in sqlite_file.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_locked_it_fails_soon_and_works_after(store: EventStore, sqlite_file: Path) -> None:
    batch = Batch(episodes=(episode(),), alerts=((alert(), ("bell",)),))
    with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        before = time.monotonic()
        with pytest.raises(StoreError, match="locked; another program is writing") as caught:
            store.save(batch)
        assert time.monotonic() - before < 5
        assert str(sqlite_file) in str(caught.value)
        with pytest.raises(StoreError, match="locked"):
            store.close_open_episodes()
        assert list(store.episodes()) == [], "reading goes on"
        other.execute("ROLLBACK")
    store.save(batch)
    assert list(store.episodes()) == list(batch.episodes)


@contextmanager
def locked_for_a_moment(path: Path, lock: str) -> Iterator[None]:
    code = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute(sys.argv[2]); print('held', flush=True); time.sleep(0.5)"
    )
    command = [sys.executable, "-c", code, str(path), lock]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield


def test_a_writer_waits_for_a_short_lock(sqlite_file: Path) -> None:
    with EventStore(str(sqlite_file)) as store:
        with locked_for_a_moment(sqlite_file, "BEGIN EXCLUSIVE"):
            store.save(Batch(episodes=(episode(),)))
        assert len(list(store.episodes())) == 1


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_new_one_waits_for_whoever_makes_it_too(sqlite_file: Path, lock: str) -> None:
    sqlite_file.parent.mkdir()
    sqlite_file.touch()
    with locked_for_a_moment(sqlite_file, lock), EventStore(str(sqlite_file)) as store:
        assert store.cameras() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing_that_was_stored(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(150_000))
    path = small_disk / "events.db"
    saved: list[str] = []
    with EventStore(str(path)) as store:
        batch = Batch(episodes=tuple(episode(start=1.0) for _ in range(20)))
        with pytest.raises(StoreError, match="full; make room on the disk"):
            for _ in range(1000):
                store.save(batch)
                saved += [e.id for e in batch.episodes]
                batch = Batch(episodes=tuple(episode(start=1.0) for _ in range(20)))
        assert saved
        with pytest.raises(StoreError, match="full"):
            store.save(batch)
        assert {e.id for e in store.episodes()} == set(saved)
        filler.unlink()
        store.save(batch)
        saved += [e.id for e in batch.episodes]
    assert is_sound(path)
    with EventStore(str(path)) as store:
        assert {e.id for e in store.episodes()} == set(saved)


def test_a_disk_without_room_for_a_new_one(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(580_000))
    with pytest.raises(StoreError, match="cannot open .*; make room on the disk"):
        EventStore(str(small_disk / "events.db"))
    filler.unlink()
    with EventStore(str(small_disk / "events.db")) as store:
        assert store.cameras() == []


def test_a_disk_that_may_only_be_read(small_disk: Path) -> None:
    path = small_disk / "events.db"
    EventStore(str(path)).close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match="cannot open the event store"):
        EventStore(str(path))


def test_a_file_that_was_removed_is_noticed(store: EventStore, sqlite_file: Path) -> None:
    store.save(Batch(episodes=(episode(),)))
    aside = sqlite_file.with_name("aside.db")
    sqlite_file.rename(aside)
    for _ in range(2):
        with pytest.raises(StoreError, match="unable to open.*check that the file is there"):
            store.save(Batch(episodes=(episode(),)))
    assert not sqlite_file.exists(), "an empty one in its place would hide the loss"
    aside.rename(sqlite_file)
    store.save(Batch(episodes=(episode(),)))
    assert len(list(store.episodes())) == 2


def test_a_file_that_is_no_database(sqlite_file: Path) -> None:
    sqlite_file.parent.mkdir()
    sqlite_file.write_text("These are my notes, and nothing else.\n" * 100)
    before = sqlite_file.read_bytes()
    with pytest.raises(StoreError, match="not a database; name another file"):
        EventStore(str(sqlite_file))
    assert sqlite_file.read_bytes() == before


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "events.db", Path("/proc/maskwatch/events.db")):
        with pytest.raises(StoreError, match="name a file in a folder that this user may write"):
            EventStore(str(path))
    with pytest.raises(StoreError, match="unable to open"):
        EventStore(str(tmp_path))


def test_a_reader_makes_no_new_one(sqlite_file: Path) -> None:
    with pytest.raises(StoreError, match="there is no event store"):
        EventStore(str(sqlite_file), create=False)
    assert not sqlite_file.parent.exists()


def test_names_with_signs_of_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with EventStore("50% of #1?.db") as store:
        monkeypatch.chdir("/")
        store.save(Batch(episodes=(episode(),)))
        assert store.size_bytes() > 0
    assert (tmp_path / "50% of #1?.db").stat().st_size > 0


def test_what_was_purged_is_not_left_in_the_files(store: EventStore, sqlite_file: Path) -> None:
    seen = tuple(episode(person=f"visitor-{i:04}", end=2e9) for i in range(200))
    store.save(Batch(episodes=seen))

    def traces() -> int:
        files = sqlite_file.parent.iterdir()
        return sum(path.read_bytes().count(b"visitor-") for path in files)

    assert traces() >= 200
    store.purge(now=3e9, keep_s=1, keep_minutes_s=1, delete_file=print)
    assert traces() == 0


def test_killed_writers_lose_nothing_that_they_reported(sqlite_file: Path) -> None:
    reported: set[str] = set()
    for number in range(3):
        reported |= killed_after(50 + 37 * number, str(sqlite_file))
        assert is_sound(sqlite_file)
        with EventStore(str(sqlite_file)) as store:
            stored = {e.id for e in store.episodes()}
            told = [d.alert.id for d in store.outbox.deliveries()]
        assert reported <= stored
        assert len(stored - reported) <= number + 1, "at most the one in the making each time"
        assert sorted(told) == sorted([*stored, *stored]), "whole batches, each channel once"


def killed_after(count: int, address: str) -> set[str]:
    """What a writer reported until it was killed, at any moment after so many batches."""
    command = [sys.executable, str(WRITER), address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        reported = [writer.stdout.readline() for _ in range(count)]
        writer.send_signal(signal.SIGKILL)
        reported += writer.stdout.readlines()
    return {line.strip() for line in reported if line.endswith("\n")}


def test_two_writers_at_once(sqlite_file: Path) -> None:
    command = [sys.executable, str(WRITER), str(sqlite_file), "100"]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    reported = [line.strip() for w in writers for line in w.communicate(timeout=60)[0].split()]
    assert [w.returncode for w in writers] == [0, 0]
    with EventStore(str(sqlite_file)) as store:
        assert sorted(e.id for e in store.episodes()) == sorted(reported)
    assert len(reported) == 200
