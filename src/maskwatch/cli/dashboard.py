"""What a watch looks like in a terminal: cameras, people, alerts, channels."""

import logging
import sys
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from maskwatch.app.live.metrics import people_by_state
from maskwatch.app.live.watch import Watch, Watched
from maskwatch.draw import SYMBOLS, WORDS
from maskwatch.durations import words_of
from maskwatch.events import Alert, Phase
from maskwatch.types import MaskState

STYLES = {
    MaskState.MASK: "bold blue",
    MaskState.NO_MASK: "bold red",
    MaskState.INCORRECT: "bold dark_orange",
    MaskState.UNKNOWN: "bold bright_black",
}
_ALERTS = 8
_REFRESH_HZ = 2


class Dashboard:
    """Shows a watch while entered."""

    def __init__(self, watch: Watch, console: Console, title: str) -> None:
        self._watch, self._title = watch, title
        self._alerts: tuple[Alert, ...] = ()
        self._rates: dict[str, tuple[float, int, float]] = {}
        self._begun_s = watch.clock.steady()
        self._live = Live(
            console=console, refresh_per_second=_REFRESH_HZ, get_renderable=self.drawn, screen=False
        )

    def add(self, alert: Alert) -> None:
        """Show an alert among the newest."""
        self._alerts = (alert, *self._alerts)[:_ALERTS]

    def drawn(self) -> RenderableType:
        """The dashboard as it stands."""
        parts: list[RenderableType] = [self._cameras()]
        if self._watch.outboxes:
            parts.append(self._channels())
        parts.append(self._newest())
        key = "people in view / passed"
        since = words_of(self._watch.clock.steady() - self._begun_s)
        return Panel(
            Group(*parts), title=f"maskwatch: {self._title}", subtitle=f"{key}; for {since}"
        )

    def _cameras(self) -> Table:
        table = Table(expand=True, box=None, pad_edge=False)
        table.add_column("camera", ratio=2, min_width=8)
        table.add_column("state", ratio=3, min_width=8)
        table.add_column("fps", justify="right")
        table.add_column("dropped", justify="right")
        for state in MaskState:
            head = Text(f"{SYMBOLS[state]} {WORDS[state]}", style=STYLES[state])
            table.add_column(head, justify="right")
        table.add_column("alerts", justify="right")
        for watched in self._watch.watched:
            counts = people_by_state(watched.post.people)
            camera = watched.camera
            table.add_row(
                watched.spec.name,
                _condition(watched),
                f"{self._rate_of(watched):.1f}",
                str(0 if camera is None else camera.counts.dropped),
                *[_counts(counts[state], watched.passed[state], state) for state in MaskState],
                str(sum(watched.told.values())),
            )
        return table

    def _rate_of(self, watched: Watched) -> float:
        """Frames a second over the last few seconds."""
        now_s = self._watch.clock.steady()
        begun_s, count, rate = self._rates.get(watched.spec.name, (self._begun_s, 0, 0.0))
        if now_s - begun_s >= 2:
            rate = (watched.processed - count) / (now_s - begun_s)
            begun_s, count = now_s, watched.processed
        self._rates[watched.spec.name] = (begun_s, count, rate)
        return rate

    def _channels(self) -> Table:
        table = Table(expand=True, box=None, pad_edge=False)
        table.add_column("channel", ratio=2)
        table.add_column("state", ratio=6)
        table.add_column("told", justify="right")
        table.add_column("failed attempts", justify="right")
        table.add_column("given up", justify="right")
        for outbox in self._watch.outboxes:
            fine = outbox.error is None
            words = Text("✓ works" if fine else f"✗ {outbox.error}", "green" if fine else "red")
            words.truncate(100, overflow="ellipsis")
            counts = outbox.counts
            lost = Text(str(counts.given_up), "red" if counts.given_up else "")
            table.add_row(outbox.name, words, str(counts.sent), str(counts.failures), lost)
        error = self._watch.recorder.error
        if error is not None:
            waiting = self._watch.recorder.counts.waiting
            table.add_row("database", Text(f"✗ {waiting} wait: {error}", "red"), "", "", "")
        return table

    def _newest(self) -> RenderableType:
        if not self._alerts:
            return Text("no alerts so far", "bright_black")
        lines = Text()
        for alert in self._alerts:
            when = datetime.fromtimestamp(alert.time).strftime("%H:%M:%S")
            style = "bold" if alert.phase is Phase.NEW else "bright_black"
            lines.append(f"{when}  {alert.sentence}\n", style)
        lines.rstrip()
        return lines

    def __enter__(self) -> Self:
        self._live.__enter__()
        self._redirect_log()
        return self

    def _redirect_log(self) -> None:
        """Log through the stream that rich keeps above the picture while it is drawn."""
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(sys.stderr)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)
        self._redirect_log()


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
