"""The event store that a command reads, and its site's time."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from maskwatch.cli.live.options import needs_live
from maskwatch.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from maskwatch.store.eventstore import EventStore


def open_store(database: str | None) -> "EventStore":
    """The event store that a command reads; it is not made.

    Raises:
        StoreError: there is none.
    """
    needs_live()
    from maskwatch.app.site.load import load_site
    from maskwatch.app.site.tables import StorageTable
    from maskwatch.store.eventstore import EventStore

    if database is None:
        database = StorageTable.model_validate({}).events
    elif database.endswith(".toml"):
        database = load_site(Path(database)).storage.events
    return EventStore(database, create=False)


def check_camera(store: "EventStore", camera: str | None) -> None:
    """Whether a store knows a camera.

    Raises:
        UsageError: it does not; the message names those that it knows.
    """
    known = [status.name for status in store.cameras()]
    if camera is not None and camera not in known:
        listed = ", ".join(known) or "none so far"
        raise UsageError(f"no camera is called {camera!r}; there are: {listed}")


def zone_of(database: str | None) -> "ZoneInfo | None":
    """The time zone of the site that a command reads; None is the machine's."""
    if database is None or not database.endswith(".toml"):
        return None
    from maskwatch.app.site.load import load_site

    return load_site(Path(database)).time_zone


def start_of(since: str | None) -> float | None:
    """When a span that ends now began, in seconds since 1970.

    Raises:
        UsageError: it is no span of time.
    """
    import time

    from maskwatch.durations import seconds_of

    try:
        return None if since is None else time.time() - seconds_of(since)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from error


def clock_of(time: float, zone: "ZoneInfo | None", form: str) -> str:
    """A time as a clock shows it; with its offset in the hour that a clock set back shows twice."""
    at = datetime.fromtimestamp(time, zone)
    twice = at.replace(fold=0).timestamp() != at.replace(fold=1).timestamp()
    return at.strftime(form) + (f" {at.astimezone(zone):%z}" if twice else "")
