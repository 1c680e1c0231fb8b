"""What must stay together when a set is split: near duplicates, pictures of one person."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.data.choices import PERSON
from maskwatch.data.duplicates import Twins, joined
from maskwatch.errors import UsageError

_MOST_OF_ONE_PERSON = 0.05


def persons(paths: Sequence[Path], pattern: str = PERSON) -> list[str | None]:
    """Whom each picture shows, as its file name says; None where it does not.

    Args:
        paths: files; two of one name in different folders may show the same person.
        pattern: a regular expression for the stem, whose first group (or whole) is the person.

    A name that more than one picture in twenty bears (`image`, `mask`) is none.

    Raises:
        UsageError: not a regular expression.
    """
    try:
        found = [re.search(pattern, path.stem) for path in paths]
    except re.error as error:
        raise UsageError(f"--person {pattern!r} is not a regular expression: {error}") from error
    names = [(m.group((m.lastindex and 1) or 0).lower() if m else None) for m in found]
    counts: dict[str | None, int] = defaultdict(int)
    for name in names:
        counts[name] += 1
    most = max(1, _MOST_OF_ONE_PERSON * len(paths))
    return [
        name if name and (counts[name] <= most or pattern != PERSON) else None for name in names
    ]


def groups_of(
    count: int, twins: Sequence[Twins], people: Sequence[str | None] | None = None
) -> NDArray[np.int64]:
    """The group of each picture, shape (count,): twins belong together, and one person's pictures.

    Args:
        count: how many pictures there are.
        twins: pairs of them.
        people: whom each shows.
    """
    pairs = [(pair.first, pair.second) for pair in twins]
    first_of: dict[str, int] = {}
    for number, person in enumerate(people or ()):
        if person is not None:
            pairs.append((first_of.setdefault(person, number), number))
    return joined(count, pairs)
