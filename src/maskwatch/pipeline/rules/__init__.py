"""When somebody must be told: rules over people, rates and cameras; one a file.

Pure, like `people`: a rule is asked at every frame with steady times, and answers with the phases
of alerts that came about. Each rule tells a thing once: it begins, may change, and ends.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from maskwatch.events import Alert, Phase
from maskwatch.pipeline.people import Person, Visit

Wall = Callable[[float], float]
"""From the steady clock to seconds since 1970."""


class Sight(StrEnum):
    """Whether a camera shows anything."""

    UP = "up"
    STARTING = "starting"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class View:
    """What a rule sees of one camera: who is here, who just left, whether frames come.

    Of a lost one `lost_since_s` is when its last frame came, on the steady clock.
    """

    camera: str
    people: Collection[Person] = ()
    visits: Collection[Visit] = ()
    sight: Sight = Sight.UP
    lost_since_s: float | None = None
    error: str | None = None


class Rule(Protocol):
    """One rule for one camera; it remembers what it has told."""

    def update(self, view: View, time_s: float, wall: Wall) -> Iterator[Alert]:
        """The alerts that came about by now."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one camera, each with its channels; `phases` are those that a channel tells."""

    rules: tuple[tuple[Rule, tuple[str, ...]], ...] = ()
    phases: Mapping[str, Collection[Phase]] = field(default_factory=dict)

    def update(
        self, view: View, time_s: float, wall: Wall
    ) -> Iterator[tuple[Alert, tuple[str, ...]]]:
        """All alerts that came about, each with the channels that must tell it."""
        for rule, channels in self.rules:
            for alert in rule.update(view, time_s, wall):
                yield alert, tuple(c for c in channels if alert.phase in self.phases.get(c, Phase))
