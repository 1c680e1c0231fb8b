"""The parts of the dashboard: cameras, channels, the newest alerts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from maskwatch.app.live.metrics import people_by_state
from maskwatch.app.live.outbox import Outbox
from maskwatch.app.live.recorder import Recorder
from maskwatch.app.live.watch import Watched
from maskwatch.cli.live.styles import STYLES
from maskwatch.draw import SYMBOLS, WORDS
from maskwatch.events import Alert, Phase
from maskwatch.types import MaskState


def camera_panel(cameras: Iterable[Watched], rates: Mapping[str, float]) -> Table:
    """A line for each camera; `rates` are the frames a second of each by name."""
    table = _table(("camera", 2), ("state", 3), "fps", "dropped")
    for state in MaskState:
        head = Text(f"{SYMBOLS[state]} {WORDS[state]}", style=STYLES[state])
        table.add_column(head, justify="right")
    table.add_column("alerts", justify="right")
    for watched in cameras:
        counts = people_by_state(watched.post.people)
        camera = watched.camera
        table.add_row(
            watched.spec.name,
            _condition(watched),
            f"{rates[watched.spec.name]:.1f}",
            str(0 if camera is None else camera.counts.dropped),
            *[_counts(counts[state], watched.passed[state], state) for state in MaskState],
            str(sum(watched.told.values())),
        )
    return table


def channel_panel(outboxes: Iterable[Outbox], recorder: Recorder) -> Table:
    """A line for each channel, and one for a database that takes nothing."""
    table = _table(("channel", 2), ("state", 6), "told", "failed attempts", "given up")
    for outbox in outboxes:
        counts, fine = outbox.counts, outbox.error is None
        words = Text("✓ works" if fine else f"✗ {outbox.error}", "green" if fine else "red")
        words.truncate(100, overflow="ellipsis")
        given_up = Text(str(counts.given_up), "red" if counts.given_up else "")
        table.add_row(outbox.name, words, str(counts.sent), str(counts.failures), given_up)
    if recorder.error is not None:
        words = Text(f"✗ {recorder.counts.waiting} wait: {recorder.error}", "red")
        table.add_row("database", words, "", "", "")
    return table


def alert_panel(alerts: Sequence[Alert]) -> RenderableType:
    """A line for each alert."""
    if not alerts:
        return Text("no alerts so far", "bright_black")
    lines = Text()
    for alert in alerts:
        when = datetime.fromtimestamp(alert.time).strftime("%H:%M:%S")
        style = "bold" if alert.phase is Phase.NEW else "bright_black"
        lines.append(f"{when}  {alert.sentence}\n", style)
    lines.rstrip()
    return lines


def _table(*columns: str | tuple[str, int]) -> Table:
    """A table without lines: columns of text share the width, those of numbers take none of it."""
    table = Table(expand=True, box=None, pad_edge=False)
    for column in columns:
        if isinstance(column, str):
            table.add_column(column, justify="right")
        else:
            table.add_column(column[0], ratio=column[1], min_width=8)
    return table


def _condition(watched: Watched) -> Text:
    camera = watched.camera
    if camera is None:
        return Text("outside its hours", "bright_black")
    if camera.ended:
        return Text("ended", "bright_black")
    if camera.up and camera.counts.read:
        return Text("✓ up", "green")
    if camera.up:
        return Text("starting", "bright_black")
    return Text(f"✗ {camera.error or 'no picture'}", "red")


def _counts(here: int, passed: int, state: MaskState) -> Text:
    """Those in view, and those who passed."""
    text = Text(str(here), STYLES[state] if here else "bright_black")
    return text.append(f" / {passed}", "bright_black")
