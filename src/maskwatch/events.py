"""What watching remembers and tells: episodes of people, counts of minutes, alerts.

All times are seconds since 1970 (UTC); durations are seconds. Nothing here says who a person is:
`person` is a random number of one visit before one camera.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import uuid4

from maskwatch.types import CLASSES, MaskState


def new_id() -> str:
    """A random number, for what must be told apart and nothing more."""
    return uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a verdict rests on.

    `faces` were looked at; `probabilities` is their weighted mean in the order of `CLASSES`;
    `face_px` is the largest short side among them, in pixels.
    """

    faces: int = 0
    probabilities: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3)
    face_px: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A person in one state before one camera; `end` is None while it goes on.

    `broken` marks an episode whose end nobody saw: the program or the camera stopped.
    """

    id: str = field(default_factory=new_id)
    camera: str
    person: str
    state: MaskState
    start: float
    last_seen: float
    end: float | None = None
    evidence: Evidence = Evidence()
    broken: bool = False

    @property
    def duration_s(self) -> float:
        """How long it lasted, so far or in all."""
        return (self.last_seen if self.end is None else self.end) - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What one camera showed in one minute of one run, as totals that replace earlier ones.

    `start` is a multiple of 60. `mask` to `unknown` count people, once for each visit, in the
    minute in which the visit ended, under the state that lasted longest.
    """

    camera: str
    start: float
    run: str
    frames: int = 0
    faces: int = 0
    mask: int = 0
    no_mask: int = 0
    incorrect: int = 0
    unknown: int = 0

    @property
    def people(self) -> int:
        """All who passed."""
        return self.mask + self.no_mask + self.incorrect + self.unknown


class AlertKind(StrEnum):
    """What an alert is about."""

    VIOLATION = "violation"
    COMPLIANCE = "compliance"
    CAMERA = "camera"


class Phase(StrEnum):
    """An alert begins, changes, and ends; each is told on its own."""

    NEW = "new"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One phase of an alert; all its phases share `id`, and `number` counts them from 0.

    `time` is when this phase came about, `since` when what it tells began. `rate` is the share of
    people who comply, `unknown` how many could not be told, where the rule is about a rate.
    """

    id: str = field(default_factory=new_id)
    number: int = 0
    phase: Phase = Phase.NEW
    kind: AlertKind
    rule: str
    camera: str
    time: float
    since: float
    sentence: str
    person: str | None = None
    episode: str | None = None
    state: MaskState | None = None
    rate: float | None = None
    people: int | None = None
    unknown: int | None = None
    snapshot: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The alert as channels send it: JSON values only, `schema` 1."""
        from datetime import UTC, datetime

        def iso(time: float) -> str:
            return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")

        return {
            "schema": 1,
            "id": self.id,
            "number": self.number,
            "phase": self.phase.value,
            "kind": self.kind.value,
            "rule": self.rule,
            "camera": self.camera,
            "time": iso(self.time),
            "since": iso(self.since),
            "sentence": self.sentence,
            "person": self.person,
            "state": None if self.state is None else self.state.value,
            "rate": self.rate,
            "people": self.people,
            "unknown": self.unknown,
            "snapshot": self.snapshot,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStatus:
    """What is known of a camera: `source` without passwords, whether frames come, since when."""

    name: str
    source: str
    up: bool
    since: float
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is stored in one transaction, all or nothing; storing it twice is as storing it once.

    Episodes and minutes replace earlier states of themselves; each alert comes with the names of
    the channels that must tell it.
    """

    episodes: tuple[Episode, ...] = ()
    minutes: tuple[Minute, ...] = ()
    alerts: tuple[tuple[Alert, tuple[str, ...]], ...] = ()
    cameras: tuple[CameraStatus, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.episodes or self.minutes or self.alerts or self.cameras)


class Channel(Protocol):
    """Tells somebody; the place to plug another channel in."""

    def send(self, alert: Alert) -> None:
        """Tell one phase of an alert; return once the other side has it.

        Raises:
            DeliveryRefused: the other side will never take it; the next one is told.
            DeliveryError: it could not be told now; it will be tried again.
        """

    def close(self) -> None:
        """Let go of connections."""


def longest_state(seconds: dict[MaskState, float]) -> MaskState:
    """The state that a person was in longest; unknown counts only where there is no other."""
    known = {state: seconds.get(state, 0.0) for state in CLASSES}
    best = max(known, key=lambda state: known[state])
    return best if known[best] > 0 else MaskState.UNKNOWN
