"""From the faces of a track to one verdict on a person, that does not flicker.

A small state machine. The calibrated probabilities of the last `window_s` seconds are averaged,
weighted by what each face can tell; the likeliest state is the *candidate*, or unknown where it
is not `sure` or there is too little to see.

    undecided --(least_faces in the window, over least_s)--> the candidate
    decided   --(another candidate holds for hold_s; unknown for hold_unknown_s)--> it

Faces from before the window do not count: three glimpses within many seconds say nothing of the
time between them. A change is seen about half a window plus `hold_s` after it happened. It is
dated back to where the faces turned, and one to unknown to when the doubt came up.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from maskwatch.types import CLASSES, Floats, MaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictOptions:
    """Times in seconds, `sure` a probability, `least_weight` the mean weight in the window.

    A mean, since many frames a second show the same small face again and tell no more; a little
    less than a smallest face weighs that is sharp.
    """

    window_s: float = 1.5
    least_faces: int = 3
    least_s: float = 0.4
    least_weight: float = 0.08
    sure: float = 0.6
    hold_s: float = 0.4
    hold_unknown_s: float = 2.0


@dataclass(slots=True)
class Verdict:
    """What is known of one person; `state` is None until there is enough to say anything.

    `mean`, shape (3,), is the weighted mean of the probabilities in the window, `weight` the sum
    of their weights.
    """

    options: VerdictOptions = field(default_factory=VerdictOptions)
    state: MaskState | None = None
    since_s: float = 0.0
    mean: Floats = field(default_factory=lambda: _nothing())
    weight: float = 0.0
    _faces: deque[tuple[float, float, Floats]] = field(default_factory=deque)
    _candidate: MaskState | None = None
    _candidate_since_s: float = 0.0

    def add(
        self, probabilities: Floats, weight: float, time_s: float, *, from_s: float = np.inf
    ) -> bool:
        """Take one face, probabilities (3,); return whether the state changed.

        The window begins at `from_s` where that is earlier: where few frames come, it holds as
        many of them as a verdict needs.
        """
        self._faces.append((time_s, weight, probabilities))
        while self._faces[0][0] < min(time_s - self.options.window_s, from_s):
            self._faces.popleft()
        self._add_up()
        candidate = self._likeliest()
        if candidate is not self._candidate:
            self._candidate, self._candidate_since_s = candidate, time_s
        if not self._is_due(time_s):
            return False
        # The first verdict holds for all that it rests on.
        self.since_s = self._faces[0][0] if self.state is None else self._turned_s(candidate)
        self.state = candidate
        return True

    @property
    def is_steady(self) -> bool:
        """Whether the last faces speak for the state that is told."""
        return self._candidate is self.state

    @property
    def faces(self) -> int:
        """How many faces are in the window."""
        return len(self._faces)

    def _add_up(self) -> None:
        # Once a face: who asks for the mean asks more often.
        _, weights, rows = zip(*self._faces, strict=True)
        self.weight = sum(weights)
        if self.weight > 0:
            total = np.array(weights, np.float32) @ np.array(rows, np.float32)
            self.mean = np.asarray(total / self.weight, np.float32)
        else:
            self.mean = _nothing()

    def _likeliest(self) -> MaskState:
        mean = self.mean
        too_little = self.weight < self.options.least_weight * len(self._faces)
        if too_little or mean.max() < self.options.sure:
            return MaskState.UNKNOWN
        return CLASSES[int(mean.argmax())]

    def _turned_s(self, state: MaskState) -> float:
        """When the faces began to speak for a state: from there on their sum for it is largest."""
        if state not in CLASSES:
            return self._candidate_since_s
        column = CLASSES.index(state)
        gains = np.cumsum([weight * (row[column] - 0.5) for _, weight, row in self._faces])
        # The sum before each face; its last lowest point is where it turned.
        before = np.concatenate([[0.0], gains[:-1]])
        turned = len(before) - 1 - int(before[::-1].argmin())
        return max(self.since_s, self._faces[turned][0])

    def _is_due(self, time_s: float) -> bool:
        options = self.options
        if self.state is None:
            seen_s = time_s - self._faces[0][0]
            return len(self._faces) >= options.least_faces and seen_s >= options.least_s
        if self._candidate is self.state:
            return False
        unknown = self._candidate is MaskState.UNKNOWN
        hold_s = options.hold_unknown_s if unknown else options.hold_s
        return time_s - self._candidate_since_s >= hold_s


def _nothing() -> Floats:
    return np.full(len(CLASSES), 1 / len(CLASSES), np.float32)
