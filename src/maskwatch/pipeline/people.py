"""The people before one camera: tracks, verdicts, episodes, and who passed.

Pure: frames and the time come in from outside. `time_s` is a steady clock's, which never jumps;
`wall` turns it into seconds since 1970 once, where something begins, so that a clock that is set
anew neither shortens nor stretches what is under way.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from maskwatch.boxes import short_side
from maskwatch.events import Episode, Evidence, longest_state, new_id
from maskwatch.pipeline.tracking import Tracker, TrackerOptions
from maskwatch.pipeline.verdict import Verdict, VerdictOptions
from maskwatch.types import CLASSES, Boxes, Faces, Floats, MaskState

_REFRESH_S = 5.0
"""An episode under way is told anew this often: at most so much of it goes with the power."""


@dataclass(slots=True)
class _Open:
    """An episode under way: since when on the steady clock, and what speaks for it."""

    episode: Episode
    begun_s: float
    told_s: float
    faces: int = 0
    weight: float = 0.0
    sums: Floats = field(default_factory=lambda: np.zeros(len(CLASSES), np.float32))

    def add(self, probabilities: Floats, weight: float) -> None:
        self.faces += 1
        self.weight += weight
        self.sums = self.sums + weight * probabilities

    def until(self, last_s: float, face_px: float) -> Episode:
        """The episode as it stands, seen last at this steady time."""
        mean = tuple(float(value) for value in self.sums / max(self.weight, 1e-9))
        evidence = Evidence(faces=self.faces, probabilities=mean, face_px=face_px)
        # It may have begun later than this, where the last faces spoke for another state.
        last = self.episode.start + max(0.0, last_s - self.begun_s)
        return replace(self.episode, last_seen=last, evidence=evidence)


@dataclass(slots=True)
class Person:
    """One visit before one camera; times on the steady clock, the last box in pixels."""

    track: int
    verdict: Verdict
    first_s: float
    last_s: float
    box: Boxes
    id: str = field(default_factory=new_id)
    open: _Open | None = None
    spent_s: dict[MaskState, float] = field(default_factory=dict)
    largest_px: float = 0.0

    @property
    def state(self) -> MaskState | None:
        """The verdict, None while there is none."""
        return self.verdict.state

    @property
    def since_s(self) -> float:
        """When this state began."""
        return self.verdict.since_s

    @property
    def is_steady(self) -> bool:
        """Whether the last faces speak for this state."""
        return self.verdict.is_steady


@dataclass(frozen=True, slots=True)
class Visit:
    """A person who has left: the state that lasted longest, and the steady time of the end."""

    person: str
    state: MaskState
    end_s: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What one frame, or its absence, changed."""

    episodes: tuple[Episode, ...] = ()
    visits: tuple[Visit, ...] = ()


class People:
    """Follows the people before one camera."""

    def __init__(
        self,
        camera: str,
        wall: Callable[[float], float],
        tracking: TrackerOptions | None = None,
        verdicts: VerdictOptions | None = None,
    ) -> None:
        self.camera = camera
        self._wall = wall
        self._tracker = Tracker(tracking)
        self._verdicts = verdicts or VerdictOptions()
        self._people: dict[int, Person] = {}
        self._size_wh: tuple[int, int] | None = None
        self._frames_s = deque[float](maxlen=self._verdicts.least_faces + 1)

    @property
    def patience_s(self) -> float:
        """How long somebody may be out of sight within one visit."""
        return self._tracker.options.patience_s

    @patience_s.setter
    def patience_s(self, seconds: float) -> None:
        self._tracker.options = replace(self._tracker.options, patience_s=seconds)

    def __iter__(self) -> Iterator[Person]:
        """Those who are here and have been judged."""
        return (person for person in self._people.values() if person.state is not None)

    def update(
        self,
        faces: Faces,
        weights: Floats,
        time_s: float,
        size_wh: tuple[int, int],
        *,
        colours: Floats | None = None,
    ) -> tuple[Faces, Changes]:
        """Take the faces of a frame.

        Args:
            faces: all that count.
            weights: what each can tell, shape (n,).
            time_s: when the frame was, on the steady clock.
            size_wh: the frame's width and height in pixels.
            colours: of the clothes below each face, shape (n, 3); they help to tell people apart.

        Returns:
            The faces in their order with their tracks, and what changed.
        """
        self._resize(size_wh)
        gone = self.tick(time_s)
        self._frames_s.append(time_s)
        tracked = self._tracker.update(faces, time_s, colours)
        tracks = np.zeros(0, np.int64) if tracked.tracks is None else tracked.tracks
        sides = short_side(faces.boxes)
        episodes: list[Episode] = []
        for row, track in enumerate(tracks):
            person = self._seen(int(track), faces.boxes[row], float(sides[row]), time_s)
            probabilities, weight = faces.probabilities[row], float(weights[row])
            episodes += self._judged(person, probabilities, weight, time_s)
        return tracked, Changes((*gone.episodes, *episodes), gone.visits)

    def tick(self, time_s: float, *, lost: bool = False) -> Changes:
        """Say goodbye to those who were not seen for too long; to all if the camera is `lost`."""
        patience_s = -np.inf if lost else self.patience_s
        gone = [p for p in self._people.values() if time_s - p.last_s > patience_s]
        for person in gone:
            del self._people[person.track]
        self._tracker.forget(np.inf if lost else time_s)
        judged = [person for person in gone if person.open is not None]
        visits = tuple(Visit(p.id, longest_state(p.spent_s), p.last_s) for p in judged)
        ended = tuple(_ended(p, p.last_s, broken=lost) for p in judged)
        return Changes(ended, visits)

    def _resize(self, size_wh: tuple[int, int]) -> None:
        """After a reconnect a camera may send another size: boxes move along."""
        if self._size_wh is not None and self._size_wh != size_wh:
            self._tracker.rescale(size_wh[0] / self._size_wh[0], size_wh[1] / self._size_wh[1])
        self._size_wh = size_wh

    def _seen(self, track: int, box: Boxes, side_px: float, time_s: float) -> Person:
        person = self._people.get(track)
        if person is None:
            person = Person(track, Verdict(self._verdicts), time_s, time_s, box)
            self._people[track] = person
        elif person.state is not None:
            spent_s = person.spent_s.get(person.state, 0.0)
            person.spent_s[person.state] = spent_s + time_s - person.last_s
        person.last_s, person.box = time_s, box
        person.largest_px = max(person.largest_px, side_px)
        return person

    def _judged(
        self, person: Person, probabilities: Floats, weight: float, time_s: float
    ) -> Iterator[Episode]:
        """The episodes that this face ended, began or made longer."""
        if person.verdict.add(probabilities, weight, time_s, from_s=self._frames_s[0]):
            if person.open is not None:
                before, late_s = person.open.episode.state, time_s - person.since_s
                person.spent_s[before] = max(0.0, person.spent_s.get(before, 0.0) - late_s)
                yield _ended(person, person.since_s)
            person.open = self._begun(person, time_s)
            yield person.open.episode
        elif person.open is not None:
            if person.verdict.is_steady:
                person.open.add(probabilities, weight)
            if time_s - person.open.told_s >= _REFRESH_S:
                person.open.told_s = time_s
                yield person.open.until(time_s, person.largest_px)

    def _begun(self, person: Person, time_s: float) -> _Open:
        state, since_s = person.state or MaskState.UNKNOWN, person.since_s
        person.spent_s[state] = person.spent_s.get(state, 0.0) + time_s - since_s
        now = self._wall(time_s)
        episode = Episode(
            camera=self.camera,
            person=person.id,
            state=state,
            start=now - (time_s - since_s),
            last_seen=now,
        )
        begun = _Open(episode, since_s, time_s)
        begun.add(person.verdict.mean, person.verdict.weight)
        begun.faces = person.verdict.faces
        begun.episode = begun.until(time_s, person.largest_px)
        return begun


def _ended(person: Person, end_s: float, *, broken: bool = False) -> Episode:
    if person.open is None:
        raise ValueError("expected a person with an episode under way, got one without")
    episode = person.open.until(end_s, person.largest_px)
    person.open = None
    return replace(episode, end=episode.last_seen, broken=broken)
