"""Services of the system, run for a benchmark in folders of their own, to be killed and started."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg

_START_S = 30.0


class Service:
    """A program that listens at a port; `command` runs it, as `user` if that is given."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.command: list[str] = []
        self.user: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return once it takes connections.

        Raises:
            SystemExit: it does not.
        """
        nowhere, end = subprocess.DEVNULL, time.monotonic() + _START_S
        self._process = subprocess.Popen(
            self.command, stdout=nowhere, stderr=nowhere, cwd="/", user=self.user, group=self.user
        )
        while not self._works():
            if time.monotonic() > end:
                raise SystemExit(f"{self.command[0]} does not start")
            time.sleep(0.02)

    def _works(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None


class Mosquitto(Service):
    """A broker that forgets everything when it is killed."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise SystemExit("mosquitto is not installed: apt-get install mosquitto")
        settings = folder / "mosquitto.conf"
        settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n"
        )
        self.command = [program, "-c", str(settings)]


class Postgres(Service):
    """A server with a database `events`; as PostgreSQL refuses root, root runs it as its user."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not programs:
            raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user, self.user)
        data = folder / "data"
        subprocess.run(
            [programs[-1] / "initdb", "-D", data, "-U", "me", "--auth=trust", "--no-locale"],
            check=True, capture_output=True, cwd="/", user=self.user, group=self.user,
        )  # fmt: skip
        self.command = [
            str(programs[-1] / "postgres"), "-D", str(data), "-k", str(folder),
            "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
        ]  # fmt: skip
        self.start()
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE events")

    @property
    def url(self) -> str:
        """The address of its database."""
        return self._url("events")

    def _url(self, database: str) -> str:
        return f"postgresql://me@127.0.0.1:{self.port}/{database}"

    def _works(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self._url("postgres")):
            return True
        return False

    def kill(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it as a crash does; what was committed is recovered at the next start."""
        super().kill(how)
