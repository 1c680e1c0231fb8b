"""Episodes, alerts and receipts as tables for a terminal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.table import Table

from maskwatch.cli.live.records import clock_of
from maskwatch.cli.live.styles import STYLES
from maskwatch.draw import SYMBOLS, WORDS
from maskwatch.durations import words_of
from maskwatch.events import Alert, Episode
from maskwatch.store.values import Delivery, Receipt

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_RECEIPT_COUNTS = ("episodes", "alerts", "deliveries", "minutes", "snapshots")


def episode_table(episodes: Iterable[Episode], zone: "ZoneInfo | None") -> Table:
    """A line for each person and state."""
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


def alert_table(alerts: Iterable[Alert], zone: "ZoneInfo | None") -> Table:
    """A line for each phase of an alert."""
    table = Table("time", "rule", "phase", "what")
    table.columns[0].no_wrap = True
    for alert in alerts:
        table.add_row(_when(alert.time, zone), alert.rule, alert.phase.value, alert.sentence)
    return table


def given_up_table(deliveries: Iterable[Delivery], zone: "ZoneInfo | None") -> Table:
    """A line for each alert that a channel will not tell, with the reason."""
    table = Table("given up", "channel", "phase", "what was not told", "why")
    table.columns[0].no_wrap = True
    for one in deliveries:
        when = "" if one.tried is None else _when(one.tried, zone)
        alert = one.alert
        table.add_row(when, one.channel, alert.phase.value, alert.sentence, one.error or "")
    return table


def receipt_table(receipts: Iterable[Receipt], zone: "ZoneInfo | None") -> Table:
    """A line for each deletion."""
    table = Table("deleted at", "older than", "counts older than", *_RECEIPT_COUNTS)
    for receipt in receipts:
        counts = [str(getattr(receipt, kind)) for kind in _RECEIPT_COUNTS]
        ages = words_of(receipt.keep_s), words_of(receipt.keep_minutes_s)
        table.add_row(_when(receipt.time, zone), *ages, *counts)
    return table


def _when(time: float, zone: "ZoneInfo | None") -> str:
    return clock_of(time, zone, "%d %b %H:%M:%S")
