"""One camera's post: from what was found in its frames to what is remembered and told."""

from collections import deque
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np

from maskwatch.app.live.clock import Clock
from maskwatch.events import Alert, Batch, CameraStatus
from maskwatch.pipeline.minutes import Minutes
from maskwatch.pipeline.people import Changes, People, Person, Visit
from maskwatch.pipeline.quality import clothes_colours, face_weights
from maskwatch.pipeline.rules import RuleSet, Sight, View
from maskwatch.pipeline.tracking import TrackerOptions
from maskwatch.pipeline.zones import Zones
from maskwatch.types import Faces, MaskState, Result

_PATIENCE_FRAMES = 3
_LATEST_GAPS = 5
NOT_WATCHED = "not watched"
"""Why a camera is down after the watch has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSpec:
    """What a post watches for: faces in `zones` with a short side of at least `min_face` pixels.

    Who was not seen for `patience_s` has left, and three frames at `rate` frames a second at least.
    """

    name: str
    source: str
    zones: Zones = field(default_factory=Zones)
    min_face: float = 0.0
    rate: float = 5.0
    patience_s: float = TrackerOptions().patience_s


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a frame, or a while without frames, came to; `faces` count and carry their tracks."""

    faces: Faces
    batch: Batch
    visits: tuple[Visit, ...] = ()

    @property
    def alerts(self) -> list[Alert]:
        """The alerts that came about, without their channels."""
        return [alert for alert, _ in self.batch.alerts]


class Post:
    """Follows one camera; frames must come in the order of time.

    `people` are those who are here and have been judged; other threads may read it.
    """

    def __init__(self, spec: PostSpec, rules: RuleSet, clock: Clock, run: str) -> None:
        self.spec = spec
        self._rules = rules
        self._clock = clock
        self._gaps_s = deque([1 / spec.rate], maxlen=_LATEST_GAPS)
        self._last_s: float | None = None
        self._people = People(spec.name, clock.wall, TrackerOptions(patience_s=self._patience_s))
        self._minutes = Minutes(spec.name, run)
        self._status: CameraStatus | None = None
        self.people: tuple[Person, ...] = ()

    def take(self, result: Result, time_s: float) -> Outcome:
        """Judge the people of one frame, which came at a steady time."""
        image = result.image
        if image is None:
            return Outcome(Faces.empty(), Batch())
        if self._last_s is not None:
            self._gaps_s.append(time_s - self._last_s)
            self._people.patience_s = self._patience_s
        self._last_s = time_s
        height, width = image.shape[:2]
        counts = self.spec.zones.keeps(result.faces.boxes, width, height)
        sides = (result.faces.boxes[:, 2:] - result.faces.boxes[:, :2]).min(axis=1, initial=np.inf)
        faces = result.faces[counts & (sides >= self.spec.min_face)]
        tracked, changes = self._people.update(
            faces,
            face_weights(image, faces.boxes),
            time_s,
            (width, height),
            colours=clothes_colours(image, faces.boxes),
        )
        batch = self._told(changes, time_s, frames=1, faces=len(faces))
        return Outcome(self._as_judged(tracked), batch, changes.visits)

    @property
    def _patience_s(self) -> float:
        """How long somebody may be out of sight: few frames a second need longer to show as much,
        and those that come may be fewer than were wished for."""
        return max(self.spec.patience_s, _PATIENCE_FRAMES * median(self._gaps_s))

    def _as_judged(self, faces: Faces) -> Faces:
        """The faces with what is said of their people, not of this one frame."""
        known = {person.track: person for person in self.people}
        tracks = [] if faces.tracks is None else faces.tracks.tolist()
        probabilities, states = faces.probabilities.copy(), faces.states.copy()
        for row, track in enumerate(tracks):
            person = known.get(track)
            if person is not None:
                probabilities[row] = person.verdict.mean
                states[row] = (person.state or MaskState.UNKNOWN).value
        return replace(faces, probabilities=probabilities, states=states)

    def idle(
        self,
        time_s: float,
        sight: Sight = Sight.UP,
        *,
        lost_since_s: float | None = None,
        error: str | None = None,
    ) -> Outcome:
        """A while without frames: people leave; all of them where the camera shows nothing."""
        changes = self._people.tick(time_s, lost=sight in (Sight.LOST, Sight.CLOSED))
        batch = self._told(changes, time_s, sight=sight, lost_since_s=lost_since_s, error=error)
        return Outcome(Faces.empty(), batch, changes.visits)

    def close(self, time_s: float) -> Outcome:
        """The end of the watch: whoever is here is no longer seen."""
        outcome = self.idle(time_s, Sight.CLOSED, error=NOT_WATCHED)
        minutes = (*outcome.batch.minutes, *self._minutes.rest())
        return replace(outcome, batch=replace(outcome.batch, minutes=minutes))

    def _told(
        self,
        changes: Changes,
        time_s: float,
        *,
        frames: int = 0,
        faces: int = 0,
        sight: Sight = Sight.UP,
        lost_since_s: float | None = None,
        error: str | None = None,
    ) -> Batch:
        now = self._clock.wall(time_s)
        self.people = tuple(self._people)
        view = View(self.spec.name, self.people, changes.visits, sight, lost_since_s, error)
        minutes = self._minutes.add(now, frames=frames, faces=faces, visits=changes.visits)
        return Batch(
            episodes=changes.episodes,
            minutes=tuple(minutes),
            alerts=tuple(self._rules.update(view, time_s, self._clock.wall)),
            cameras=self._status_changes(now, sight, error),
        )

    def _status_changes(
        self, now: float, sight: Sight, error: str | None
    ) -> tuple[CameraStatus, ...]:
        known, up = self._status, sight is Sight.UP
        if sight is Sight.STARTING or (
            known is not None and (known.up, known.error) == (up, error)
        ):
            return ()
        since = now if known is None or known.up != up else known.since
        self._status = CameraStatus(
            name=self.spec.name, source=self.spec.source, up=up, since=since, error=error
        )
        return (self._status,)
