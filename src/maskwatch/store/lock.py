"""One watch for each database: two would tell and end each other's alerts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskwatch.errors import UsageError
from maskwatch.store.address import parse_address
from maskwatch.store.serverlock import held_on_server


@contextmanager
def held_alone(events: str) -> Iterator[None]:
    """Hold the lock of a database while entered: beside its file, or on its server.

    Where no lock can be had for another reason than that somebody has it, the database cannot be
    opened either, and says so better: then nothing is held.

    Raises:
        UsageError: another watch holds it.
    """
    address = parse_address(events)
    if address.path is None:
        lock = held_on_server(address)
    elif sys.platform == "win32":
        yield
        return
    else:
        lock = _held_beside(address.path)
    with lock as ours:
        if not ours:
            raise UsageError(
                f"another watch stores its events in {address.path or address.shown}: stop it, "
                "or name another database under [storage] events"
            )
        yield


@contextmanager
def _held_beside(path: Path) -> Iterator[bool]:
    """Hold the lock beside a file of SQLite; the system lets go of it when the process ends."""
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("w")
    except OSError:
        yield True
        return
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
