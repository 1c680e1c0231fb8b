"""Databases for the tests: a file of SQLite, and a server of PostgreSQL that they start."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from maskwatch.events import Alert, AlertKind, Episode
from maskwatch.store import EventStore
from maskwatch.types import MaskState

PASSWORD = "open-sesame"


def episode(**values: Any) -> Episode:
    start = values.get("start", 1_700_000_000.25)
    usual = {"camera": "lobby", "person": "p1", "state": MaskState.NO_MASK, "start": start}
    return Episode(**usual | {"last_seen": start + 5} | values)


def alert(**values: Any) -> Alert:
    time = values.get("time", 1_700_000_010.5)
    usual = {"kind": AlertKind.VIOLATION, "rule": "no-mask", "camera": "lobby", "time": time}
    return Alert(**usual | {"since": time - 5, "sentence": "No mask in lobby."} | values)


class Postgres:
    """A server in a folder of its own; PostgreSQL refuses root, so root runs it as its user."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._as_user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        self._databases = (f"test{number}" for number in count())
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]

    def make(self) -> None:
        password_file = self._folder / "password"
        password_file.write_text(PASSWORD)
        if self._as_user:
            for path in (self._folder, password_file):
                shutil.chown(path, "postgres", "postgres")
        subprocess.run(
            [self._programs / "initdb", "-D", self._folder / "data", "-U", "me", "--no-sync",
             "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-locale"],
            check=True, capture_output=True, cwd="/", **self._as_user,
        )  # fmt: skip

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._folder / "data", "-k", self._folder,
             "-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self._as_user,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop at once; what was committed is recovered at the next start."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=20)
            self._process = None

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://me:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        name = next(self._databases)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="maskwatch-pg-"))
    server = Postgres(programs[-1].parent, folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "events.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_file"))
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def store(address: str) -> Iterator[EventStore]:
    with EventStore(address) as store:
        yield store
