"""A site whose cameras play clips for ever, and `maskwatch watch` as a process on it."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kit.report import ROOT
from maskwatch.store.eventstore import EventStore

CLIPS = ROOT.parent / "shared" / "clips"
NAMES = ("four-people-putting-masks-on.mp4", "man-bare.mp4", "street.mp4", "woman-masked.mp4")
FILES = [str(CLIPS / name) for name in NAMES[:2]]
SQLITE = "sqlite:///events.db"
_RULES = """
[[rule]]
name = "bare"
when = "violation"
lasting = "1s"
cooldown_person = "5s"
[[rule]]
name = "rate"
when = "compliance"
at_least = 5
[[channel]]
name = "log"
type = "log"
path = "alerts.jsonl"
phases = ["new", "update", "end"]
"""
_PATIENCE_S = 30.0


def write_site(
    folder: Path, *, sources: Sequence[str] = FILES, events: str = SQLITE, channels: str = ""
) -> Path:
    """A site of these cameras that tells a log, and `channels`, each phase of its alerts."""
    cameras = [
        f'[[camera]]\nname = "c{n}"\nsource = "{source}"\nloop = true\n'
        for n, source in enumerate(sources)
    ]
    storage = f'[storage]\nevents = "{events}"\n'
    path = folder / "site.toml"
    path.write_text("\n".join([*cameras, _RULES, channels, storage]), encoding="utf-8")
    return path


def mqtt_channel(port: int) -> str:
    """The table of a channel to a broker on this machine."""
    return f'[[channel]]\nname = "mqtt"\ntype = "mqtt"\nhost = "127.0.0.1"\nport = {port}\n'


def start_watch(site: Path, log: Path | None = None) -> "subprocess.Popen[bytes]":
    """A watch of its own process; its log, as JSON lines, goes to the end of a file."""
    options = ["--plain"] if log is None else ["--log-json", "-v"]
    command = [sys.executable, "-m", "maskwatch", "watch", str(site), *options]
    if log is None:
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)
    with log.open("ab") as file:
        return subprocess.Popen(command, stderr=file)


def end_watch(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to store and tell what it saw, and wait until it has."""
    process.terminate()
    process.wait(_PATIENCE_S)


def resident_mib(pid: int | str = "self") -> float:
    """The resident set of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


@contextmanager
def store_of(site: Path, events: str = SQLITE) -> Iterator[EventStore]:
    """What a site's watch has stored."""
    url = f"sqlite:///{site.parent / 'events.db'}" if events == SQLITE else events
    with EventStore(url, create=False) as store:
        yield store
