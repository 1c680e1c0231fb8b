"""Somebody wears no mask, or wears it wrong, for too long."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from maskwatch.durations import words_of
from maskwatch.events import Alert, AlertKind, Phase
from maskwatch.pipeline.people import Person
from maskwatch.pipeline.rules import Sight, View, Wall
from maskwatch.types import MaskState

_STATES = (MaskState.NO_MASK, MaskState.INCORRECT)
_PHRASES = {
    MaskState.MASK: "a mask",
    MaskState.NO_MASK: "no mask",
    MaskState.INCORRECT: "a mask worn wrong",
    MaskState.UNKNOWN: "somebody who cannot be judged",
}


@dataclass(slots=True)
class ViolationRule:
    """Somebody has worn no mask, or worn it wrong, for `lasting_s` seconds.

    What was told ends when another state is known, or the person has left.
    """

    name: str
    states: tuple[MaskState, ...] = _STATES
    lasting_s: float = 5.0
    cooldown_person_s: float = 0.0
    cooldown_camera_s: float = 0.0
    _since_s: dict[str, float] = field(default_factory=dict)
    _told: dict[str, Alert] = field(default_factory=dict)
    _quiet_until_s: dict[str, float] = field(default_factory=dict)
    _camera_quiet_until_s: float = float("-inf")

    def update(self, view: View, time_s: float, wall: Wall) -> Iterator[Alert]:
        """Begin, change and end the alerts of those who are here."""
        here = {person.id: person for person in view.people}
        for person in here.values():
            yield from self._of(person, view.camera, time_s, wall)
        how = "left" if view.sight is Sight.UP else "no longer watched"
        left_s = {visit.person: visit.end_s for visit in view.visits}
        for gone in [key for key in self._since_s if key not in here]:
            yield from self._end(gone, left_s.get(gone, time_s), wall, how)
        self._quiet_until_s = {k: v for k, v in self._quiet_until_s.items() if v > time_s}

    def _of(self, person: Person, camera: str, time_s: float, wall: Wall) -> Iterator[Alert]:
        if person.state is MaskState.UNKNOWN and person.id in self._told:
            return  # Who looks away is not known to wear a mask now.
        if person.state not in self.states:
            word = _PHRASES[person.state or MaskState.UNKNOWN]
            yield from self._end(person.id, time_s, wall, f"now {word}")
            return
        since_s = self._since_s.setdefault(person.id, person.since_s)
        told = self._told.get(person.id)
        # Seen for so long: one who is out of sight is not known to go on, nor one who came back
        # into sight looking otherwise.
        lasted = person.is_steady and person.last_s - since_s >= self.lasting_s
        if told is None and lasted and self._may(person, time_s):
            yield self._begin(person, camera, since_s, time_s, wall)
        elif told is not None and told.state is not person.state:
            yield self._changed(told, wall(time_s), person)

    def _may(self, person: Person, time_s: float) -> bool:
        quiet_until_s = self._quiet_until_s.get(person.id, float("-inf"))
        return time_s >= max(quiet_until_s, self._camera_quiet_until_s)

    def _begin(
        self, person: Person, camera: str, since_s: float, time_s: float, wall: Wall
    ) -> Alert:
        now = wall(time_s)
        self._camera_quiet_until_s = time_s + self.cooldown_camera_s
        self._quiet_until_s[person.id] = time_s + self.cooldown_person_s
        state = person.state or MaskState.UNKNOWN
        alert = Alert(
            kind=AlertKind.VIOLATION,
            rule=self.name,
            camera=camera,
            time=now,
            since=now - (time_s - since_s),
            sentence=f"{camera}: {_PHRASES[state]} for {words_of(person.last_s - since_s)}",
            person=person.id,
            episode=None if person.open is None else person.open.episode.id,
            state=state,
        )
        self._told[person.id] = alert
        return alert

    def _changed(self, told: Alert, now: float, person: Person) -> Alert:
        state = person.state or MaskState.UNKNOWN
        alert = replace(
            told,
            number=told.number + 1,
            phase=Phase.UPDATE,
            time=now,
            state=state,
            episode=None if person.open is None else person.open.episode.id,
            sentence=f"{told.camera}: now {_PHRASES[state]}",
        )
        self._told[person.id] = alert
        return alert

    def _end(self, person: str, time_s: float, wall: Wall, how: str) -> Iterator[Alert]:
        since_s = self._since_s.pop(person, time_s)
        told = self._told.pop(person, None)
        if told is not None:
            yield replace(
                told,
                number=told.number + 1,
                phase=Phase.END,
                time=max(wall(time_s), told.time),
                sentence=f"{told.camera}: {how}, after {words_of(time_s - since_s)}",
            )
