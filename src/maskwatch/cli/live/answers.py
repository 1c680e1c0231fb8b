"""What `maskwatch events` answers: a table in the terminal, or a file of comma-separated values."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from maskwatch.cli.guard import say
from maskwatch.cli.live.tables import alert_table, episode_table, given_up_table, receipt_table
from maskwatch.store.eventstore import EventStore
from maskwatch.store.table import write_alerts, write_episodes
from maskwatch.store.values import DeliveryState
from maskwatch.types import MaskState

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which events are asked for; all of them go to `csv`, the newest `limit` to the terminal."""

    since: float | None
    camera: str | None
    state: MaskState | None
    csv: Path | None
    limit: int
    zone: "ZoneInfo | None"


def answer_episodes(store: EventStore, asked: Question) -> None:
    """Who was seen, in which state."""
    found = partial(store.episodes, since=asked.since, camera=asked.camera, state=asked.state)
    if asked.csv is not None:
        say(f"{write_episodes(asked.csv, found())} episodes in {asked.csv}")
        return
    newest = list(found(limit=asked.limit, newest_first=True))
    _print(episode_table(reversed(newest), asked.zone))
    _say_if_cut(newest, asked.limit)


def answer_alerts(store: EventStore, asked: Question) -> None:
    """What was told; in the terminal also what was not, and why."""
    found = partial(store.alerts, since=asked.since, camera=asked.camera)
    if asked.csv is not None:
        say(f"{write_alerts(asked.csv, found())} phases of alerts in {asked.csv}")
        return
    newest = list(found(limit=asked.limit, newest_first=True))
    _print(alert_table(reversed(newest), asked.zone))
    _say_if_cut(newest, asked.limit)
    failed = store.outbox.deliveries(
        state=DeliveryState.FAILED, limit=asked.limit, newest_first=True
    )
    given_up = given_up_table(reversed(list(failed)), asked.zone)
    if given_up.row_count:
        _print(given_up)
    _say_what_waits(store)


def answer_receipts(store: EventStore, asked: Question) -> None:
    """What was deleted for its age."""
    _print(receipt_table(store.receipts(), asked.zone))


def _say_if_cut(shown: Sequence[object], limit: int) -> None:
    if len(shown) == limit:
        say(f"the newest {limit}; --limit shows more, --csv writes all")


def _say_what_waits(store: EventStore) -> None:
    for waiting in store.outbox.waiting():
        why = "" if waiting.head is None or not waiting.head.error else f": {waiting.head.error}"
        say(
            f"channel {waiting.channel}: {waiting.pending} wait to be told, "
            f"{waiting.failed} were given up{why}"
        )


def _print(table: Table) -> None:
    Console(markup=False).print(table)
