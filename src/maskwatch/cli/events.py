"""maskwatch events: what happened."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.guard import guarded, say, set_up_log
from maskwatch.cli.live import Camera, Database, Since, check_camera, open_store, start_of, zone_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.table import Table

    from maskwatch.events import Alert, Episode
    from maskwatch.store.eventstore import EventStore
    from maskwatch.store.values import Receipt


@guarded
def events(
    since: Since = None,
    camera: Camera = None,
    state: Annotated[
        str | None, typer.Option(help="Of this state only: mask, no_mask, incorrect, unknown.")
    ] = None,
    alerts: Annotated[
        bool, typer.Option("--alerts", help="Alerts, and what waits to be told, not episodes.")
    ] = False,
    receipts: Annotated[
        bool, typer.Option("--receipts", help="What was deleted for its age, not episodes.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write all of them to this file.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many, the newest.")] = 50,
    database: Database = None,
) -> None:
    r"""Show who came, in which state, from when to when; or the alerts.

    \b
    Examples:
      maskwatch events --since 24h --camera lobby
      maskwatch events --since 7d --state no_mask --csv out.csv
      maskwatch events --alerts
      maskwatch events --receipts
    """
    set_up_log()
    from rich.console import Console

    from maskwatch.errors import UsageError
    from maskwatch.types import MaskState

    if state is not None and state not in list(MaskState):
        raise UsageError(f"--state must be one of {', '.join(MaskState)}, got {state!r}")
    if (csv is not None or state is not None) and (alerts or receipts):
        raise UsageError("--csv and --state are about episodes: leave --alerts, --receipts out")
    begun, wanted = start_of(since), None if state is None else MaskState(state)
    zone = zone_of(database)
    with open_store(database) as store:
        check_camera(store, camera)
        if csv is not None:
            from maskwatch.store.table import write_episodes

            found = store.episodes(since=begun, camera=camera, state=wanted)
            say(f"{write_episodes(csv, found)} episodes in {csv}")
            return
        console = Console(markup=False)
        if receipts:
            console.print(_receipt_table(store.receipts(), zone))
            return
        if alerts:
            newest = list(store.alerts(since=begun, camera=camera, limit=limit, newest_first=True))
            console.print(_alert_table(reversed(newest), zone))
            lost = _given_up_table(store, zone, limit)
            if lost is not None:
                console.print(lost)
            _say_what_waits(store)
            return
        shown = list(
            store.episodes(since=begun, camera=camera, state=wanted, limit=limit, newest_first=True)
        )
        console.print(_episode_table(reversed(shown), zone))
        if len(shown) == limit:
            say(f"the newest {limit}; --limit shows more, --csv writes all")


def _episode_table(episodes: "Iterator[Episode]", zone: "ZoneInfo | None") -> "Table":
    from rich.table import Table

    from maskwatch.cli.dashboard import STYLES
    from maskwatch.draw import SYMBOLS, WORDS
    from maskwatch.durations import words_of

    table = Table("start", "camera", "state", "lasted", "faces", "size", "person")
    for column in table.columns:
        column.no_wrap = column.header != "camera"
    table.columns[1].min_width = 8
    for episode in episodes:
        how = " (cut off)" if episode.broken else " so far" if episode.end is None else ""
        table.add_row(
            _when(episode.start, zone),
            episode.camera,
            f"{SYMBOLS[episode.state]} {WORDS[episode.state]}",
            words_of(episode.duration_s) + how,
            str(episode.evidence.faces),
            f"{episode.evidence.face_px:.0f} px",
            episode.person[:6],
            style=STYLES[episode.state].removeprefix("bold "),
        )
    return table


def _alert_table(alerts: "Iterator[Alert]", zone: "ZoneInfo | None") -> "Table":
    from rich.table import Table

    table = Table("time", "rule", "phase", "what")
    table.columns[0].no_wrap = True
    for alert in alerts:
        table.add_row(_when(alert.time, zone), alert.rule, alert.phase.value, alert.sentence)
    return table


def _receipt_table(receipts: "list[Receipt]", zone: "ZoneInfo | None") -> "Table":
    from rich.table import Table

    from maskwatch.durations import words_of

    kinds = ("episodes", "alerts", "deliveries", "minutes", "snapshots")
    table = Table("deleted at", "older than", "counts older than", *kinds)
    for receipt in receipts:
        counts = [str(getattr(receipt, kind)) for kind in kinds]
        ages = words_of(receipt.keep_s), words_of(receipt.keep_minutes_s)
        table.add_row(_when(receipt.time, zone), *ages, *counts)
    return table


def _given_up_table(store: "EventStore", zone: "ZoneInfo | None", limit: int) -> "Table | None":
    from rich.table import Table

    from maskwatch.store.values import DeliveryState

    given_up = store.outbox.deliveries(state=DeliveryState.FAILED, limit=limit, newest_first=True)
    table = Table("given up", "channel", "phase", "what was not told", "why")
    table.columns[0].no_wrap = True
    for one in reversed(list(given_up)):
        when = "" if one.tried is None else _when(one.tried, zone)
        alert = one.alert
        table.add_row(when, one.channel, alert.phase.value, alert.sentence, one.error or "")
    return table if table.row_count else None


def _say_what_waits(store: "EventStore") -> None:
    for waiting in store.outbox.waiting():
        why = "" if waiting.head is None or not waiting.head.error else f": {waiting.head.error}"
        say(
            f"channel {waiting.channel}: {waiting.pending} wait to be told, "
            f"{waiting.failed} were given up{why}"
        )


def _when(time: float, zone: "ZoneInfo | None") -> str:
    return datetime.fromtimestamp(time, zone).strftime("%d %b %H:%M:%S")
