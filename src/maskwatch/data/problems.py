"""What a check of a labelled set tells, in plain values."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from maskwatch.data.choices import Fault


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about some files: its `kind`, a sentence, and their paths."""

    kind: str
    sentence: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Counts of faces by part and state (of pictures that can be read), of pictures by part, and
    what was found.

    `form` and `classes` say how the set was read. `leaks` is for each part but train the number of
    its pictures, and how many of them have a twin in train: equal bytes or a near duplicate.
    """

    root: str
    form: str
    classes: dict[str, str]
    pictures: dict[str, int]
    faces: dict[str, dict[str, int]]
    problems: tuple[Problem, ...]
    leaks: dict[str, dict[str, int]]

    def as_json(self) -> dict[str, Any]:
        """Plain values, problems counted by kind, too."""
        return asdict(self) | {"found": self.found}

    @property
    def found(self) -> dict[str, int]:
        """How many problems there are of each kind."""
        return dict(Counter(problem.kind for problem in self.problems))

    def has(self, faults: Iterable[Fault]) -> list[Fault]:
        """Those of some faults that the set has."""
        leaking = any(leak["exact"] + leak["near"] for leak in self.leaks.values())
        kinds = {kind.replace(" ", "-") for kind in self.found} | ({"leaks"} if leaking else set())
        return [fault for fault in faults if fault in kinds]
