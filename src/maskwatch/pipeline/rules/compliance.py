"""Too few of those who pass wear a mask well."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from maskwatch.durations import words_of
from maskwatch.events import Alert, AlertKind, Phase
from maskwatch.pipeline.people import Visit
from maskwatch.pipeline.rules import Sight, View, Wall
from maskwatch.types import MaskState


@dataclass(slots=True)
class ComplianceRule:
    """Of those who passed within `window_s`, too few wore a mask well.

    Those whose state could not be told count neither way; they are told beside the rate.
    """

    name: str
    below: float
    window_s: float = 900.0
    at_least: int = 10
    cooldown_camera_s: float = 0.0
    _passed: deque[Visit] = field(default_factory=deque)
    _told: Alert | None = None
    _quiet_until_s: float = float("-inf")

    def update(self, view: View, time_s: float, wall: Wall) -> Iterator[Alert]:
        """Begin or end the alert of this camera."""
        if view.sight is not Sight.CLOSED:
            # Who is cut off by the end of the watch has not passed.
            self._passed.extend(view.visits)
        while self._passed and self._passed[0].end_s < time_s - self.window_s:
            self._passed.popleft()
        states = [visit.state for visit in self._passed]
        unknown = states.count(MaskState.UNKNOWN)
        known = len(states) - unknown
        rate = states.count(MaskState.MASK) / known if known else 1.0
        if view.sight is Sight.CLOSED:
            if self._told is not None:
                yield self._ended(view.camera, None, known, unknown, time_s, wall(time_s))
        elif self._told is None:
            if known >= self.at_least and rate < self.below and time_s >= self._quiet_until_s:
                self._told = self._begun(view.camera, rate, known, unknown, wall(time_s))
                yield self._told
        elif rate >= self.below:  # Also once nobody is left in the window.
            now = wall(time_s)
            yield self._ended(view.camera, rate if known else None, known, unknown, time_s, now)

    def _begun(self, camera: str, rate: float, known: int, unknown: int, now: float) -> Alert:
        return Alert(
            kind=AlertKind.COMPLIANCE,
            rule=self.name,
            camera=camera,
            time=now,
            since=now - self.window_s,
            sentence=self._sentence(camera, rate, known, unknown, "only"),
            rate=rate,
            people=known,
            unknown=unknown,
        )

    def _ended(
        self, camera: str, rate: float | None, known: int, unknown: int, time_s: float, now: float
    ) -> Alert:
        told, self._told = self._told, None
        if told is None:
            raise ValueError("expected an alert under way, got none")
        self._quiet_until_s = time_s + self.cooldown_camera_s
        if rate is not None:
            sentence = self._sentence(camera, rate, known, unknown, "again")
        elif known:
            sentence = f"{camera}: no longer watched"
        else:
            sentence = f"{camera}: nobody passed in {words_of(self.window_s)}"
        return replace(
            told,
            number=told.number + 1,
            phase=Phase.END,
            time=max(now, told.time),
            rate=rate,
            people=known,
            unknown=unknown,
            sentence=sentence,
        )

    def _sentence(self, camera: str, rate: float, known: int, unknown: int, how: str) -> str:
        return (
            f"{camera}: {how} {rate:.0%} of {known} people with a mask worn well in "
            f"{words_of(self.window_s)} ({unknown} more unknown; at least {self.below:.0%} wanted)"
        )
