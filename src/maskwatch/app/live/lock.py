"""One watch for each database: two would tell and end each other's alerts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from maskwatch.errors import UsageError
from maskwatch.store.address import parse_address


@contextmanager
def held_alone(events: str) -> Iterator[None]:
    """Hold the lock beside a database file while entered; of a server's database there is none.

    Raises:
        UsageError: another watch runs on the same file.
    """
    path = parse_address(events).path
    if path is None or sys.platform == "win32":
        yield
        return
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("w")
    except OSError:  # The database cannot be opened either, and says so better.
        yield
        return
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"another watch stores its events in {path}: stop it, or name another database "
                "under [storage] events"
            ) from error
        yield
