"""A camera sends nothing any more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from maskwatch.durations import words_of
from maskwatch.events import Alert, AlertKind, Phase
from maskwatch.pipeline.rules import Sight, View, Wall


@dataclass(slots=True)
class CameraLostRule:
    """A camera has sent nothing for `lasting_s` seconds."""

    name: str
    lasting_s: float = 30.0
    cooldown_camera_s: float = 0.0
    _lost_since_s: float = 0.0
    _told: Alert | None = None
    _quiet_until_s: float = float("-inf")

    def update(self, view: View, time_s: float, wall: Wall) -> Iterator[Alert]:
        """Begin or end the alert of this camera."""
        if view.sight is Sight.LOST:
            self._lost_since_s = time_s if view.lost_since_s is None else view.lost_since_s
            lost_s = time_s - self._lost_since_s
            if self._told is None and lost_s >= self.lasting_s and time_s >= self._quiet_until_s:
                self._told = self._begun(view, lost_s, wall(time_s))
                yield self._told
        elif self._told is not None and view.sight is not Sight.STARTING:
            how = "pictures again" if view.sight is Sight.UP else "no longer watched"
            yield self._ended(self._told, how, time_s, wall(time_s))

    def _begun(self, view: View, lost_s: float, now: float) -> Alert:
        why = f": {view.error}" if view.error else ""
        return Alert(
            kind=AlertKind.CAMERA,
            rule=self.name,
            camera=view.camera,
            time=now,
            since=now - lost_s,
            sentence=f"{view.camera}: no picture for {words_of(lost_s)}{why}",
        )

    def _ended(self, told: Alert, how: str, time_s: float, now: float) -> Alert:
        self._told = None
        self._quiet_until_s = time_s + self.cooldown_camera_s
        lost_s = time_s - self._lost_since_s
        return replace(
            told,
            number=told.number + 1,
            phase=Phase.END,
            time=max(now, told.time),
            sentence=f"{told.camera}: {how}, after {words_of(lost_s)}",
        )
