"""What a watch looks like in a terminal: cameras, people, alerts, channels."""

import logging
import sys
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel

from maskwatch.app.live.watch import Watch, Watched
from maskwatch.cli.live.panels import alert_panel, camera_panel, channel_panel
from maskwatch.durations import words_of
from maskwatch.events import Alert

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
        watch = self._watch
        rates = {watched.spec.name: self._rate_of(watched) for watched in watch.watched}
        parts: list[RenderableType] = [camera_panel(watch.watched, rates)]
        if watch.outboxes:
            parts.append(channel_panel(watch.outboxes, watch.recorder))
        parts.append(alert_panel(self._alerts))
        since = words_of(watch.clock.steady() - self._begun_s)
        return Panel(
            Group(*parts),
            title=f"maskwatch: {self._title}",
            subtitle=f"people in view / passed; for {since}",
        )

    def _rate_of(self, watched: Watched) -> float:
        """Frames a second over the last few seconds."""
        now_s = self._watch.clock.steady()
        begun_s, count, rate = self._rates.get(watched.spec.name, (self._begun_s, 0, 0.0))
        if now_s - begun_s >= 2:
            rate = (watched.processed - count) / (now_s - begun_s)
            begun_s, count = now_s, watched.processed
        self._rates[watched.spec.name] = (begun_s, count, rate)
        return rate

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
