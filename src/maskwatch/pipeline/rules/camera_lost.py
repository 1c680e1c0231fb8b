"""A camera sends nothing any more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from maskwatch.durations import words_of
from maskwatch.events import Alert, AlertKind, Phase
from maskwatch.pipeline.rules import View, Wall


@dataclass(slots=True)
class CameraLostRule:
    """A camera has sent nothing for `lasting_s` seconds."""

    name: str
    lasting_s: float = 30.0
    cooldown_camera_s: float = 0.0
    _down_s: float | None = None
    _told: Alert | None = None
    _quiet_until_s: float = float("-inf")

    def update(self, view: View, time_s: float, wall: Wall) -> Iterator[Alert]:
        """Begin or end the alert of this camera."""
        if view.up:
            down_s, self._down_s = self._down_s, None
            if self._told is not None and down_s is not None:
                yield self._ended(self._told, time_s - down_s, time_s, wall(time_s))
            return
        if self._down_s is None:
            self._down_s = time_s
        lost_s = time_s - self._down_s
        if self._told is None and lost_s >= self.lasting_s and time_s >= self._quiet_until_s:
            why = f": {view.error}" if view.error else ""
            now = wall(time_s)
            self._told = Alert(
                kind=AlertKind.CAMERA,
                rule=self.name,
                camera=view.camera,
                time=now,
                since=now - lost_s,
                sentence=f"{view.camera}: no picture for {words_of(lost_s)}{why}",
            )
            yield self._told

    def _ended(self, told: Alert, lost_s: float, time_s: float, now: float) -> Alert:
        self._told = None
        self._quiet_until_s = time_s + self.cooldown_camera_s
        return replace(
            told,
            number=told.number + 1,
            phase=Phase.END,
            time=max(now, told.time),
            sentence=f"{told.camera}: pictures again, after {words_of(lost_s)}",
        )
