"""One camera's post: from what was found in its frames to what is remembered and told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from maskwatch.app.live.clock import Clock
from maskwatch.events import Alert, Batch, CameraStatus
from maskwatch.pipeline.minutes import Minutes
from maskwatch.pipeline.people import Changes, People, Person, Visit
from maskwatch.pipeline.quality import clothes_colours, face_weights
from maskwatch.pipeline.rules import RuleSet, View
from maskwatch.pipeline.zones import Zones
from maskwatch.types import Faces, Result

NOT_WATCHED = "not watched"
"""Why a camera is down after the watch has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSpec:
    """What a post watches for: faces in `zones` with a short side of at least `min_face` pixels."""

    name: str
    source: str
    zones: Zones = field(default_factory=Zones)
    min_face: float = 0.0


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
    """Follows one camera; frames must come in the order of time."""

    def __init__(self, spec: PostSpec, rules: RuleSet, clock: Clock, run: str) -> None:
        self.spec = spec
        self._rules = rules
        self._clock = clock
        self._people = People(spec.name, clock.wall)
        self._minutes = Minutes(spec.name, run)
        self._status: CameraStatus | None = None

    @property
    def people(self) -> Sequence[Person]:
        """Those who are here and have been judged."""
        return list(self._people)

    def take(self, result: Result, time_s: float) -> Outcome:
        """Judge the people of one frame, which came at a steady time."""
        image = result.image
        if image is None:
            return self.idle(time_s, up=False, error=result.error)
        height, width = image.shape[:2]
        counts = self.spec.zones.keeps(result.faces.boxes, width, height)
        sides = (result.faces.boxes[:, 2:] - result.faces.boxes[:, :2]).min(axis=1, initial=np.inf)
        faces = result.faces[counts & (sides >= self.spec.min_face)]
        weights = face_weights(image, faces.boxes)
        colours = clothes_colours(image, faces.boxes)
        tracked, changes = self._people.update(
            faces, weights, time_s, (width, height), colours=colours
        )
        batch = self._told(changes, time_s, frames=1, faces=len(faces))
        return Outcome(tracked, batch, changes.visits)

    def idle(self, time_s: float, *, up: bool, error: str | None = None) -> Outcome:
        """A while without frames: people leave, and a camera that is not `up` is lost."""
        changes = self._people.tick(time_s, lost=not up)
        batch = self._told(changes, time_s, up=up, error=error)
        return Outcome(Faces.empty(), batch, changes.visits)

    def close(self, time_s: float) -> Outcome:
        """The end of the watch: whoever is here is no longer seen."""
        changes = self._people.tick(time_s, lost=True)
        batch = self._told(changes, time_s, up=False, error=NOT_WATCHED)
        minutes = (*batch.minutes, *self._minutes.rest())
        return Outcome(Faces.empty(), replace(batch, minutes=minutes), changes.visits)

    def _told(
        self,
        changes: Changes,
        time_s: float,
        *,
        frames: int = 0,
        faces: int = 0,
        up: bool = True,
        error: str | None = None,
    ) -> Batch:
        now = self._clock.wall(time_s)
        view = View(self.spec.name, self.people, changes.visits, up, error)
        minutes = self._minutes.add(now, frames=frames, faces=faces, visits=changes.visits)
        return Batch(
            episodes=changes.episodes,
            minutes=tuple(minutes),
            alerts=tuple(self._rules.update(view, time_s, self._clock.wall)),
            cameras=self._status_changes(now, up, error),
        )

    def _status_changes(self, now: float, up: bool, error: str | None) -> tuple[CameraStatus, ...]:
        known = self._status
        if known is not None and (known.up, known.error) == (up, error):
            return ()
        since = now if known is None or known.up != up else known.since
        self._status = CameraStatus(
            name=self.spec.name, source=self.spec.source, up=up, since=since, error=error
        )
        return (self._status,)
