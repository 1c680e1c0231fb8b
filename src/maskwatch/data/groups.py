"""What must stay together when a set is split: near duplicates, pictures of one person."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.data.choices import PERSON
from maskwatch.data.duplicates import Twins, joined
from maskwatch.errors import UsageError

CUT_FACES = "faces.csv"
"""The listing of `maskwatch data crop`: it names the picture of each face."""
_NOBODY = frozenset(
    [
        "augmented",
        "bare",
        "copy",
        "correct",
        "crop",
        "cropped",
        "dsc",
        "face",
        "faces",
        "file",
        "frame",
        "image",
        "images",
        "img",
        "incorrect",
        "mask",
        "masked",
        "masks",
        "no",
        "non",
        "not",
        "number",
        "person",
        "photo",
        "photos",
        "pic",
        "picture",
        "pictures",
        "pxl",
        "sample",
        "screenshot",
        "snapshot",
        "subject",
        "the",
        "unmasked",
        "video",
        "vid",
        "webcam",
        "whatsapp",
        "with",
        "without",
        "wrong",
    ]
)
"""Words that name no person."""
_FEW = 10


def persons(paths: Sequence[Path], pattern: str = PERSON) -> list[str | None]:
    """Whom each picture shows, as its file name says; None where it does not.

    Args:
        paths: files; two of one name in different folders may show the same person.
        pattern: a regular expression for the stem, whose first group (or whole) is the person.

    Names that are made of words such as `image` or `with_mask` alone, or that more than half of
    the pictures bear, are none, unless a pattern of one's own finds them.

    Raises:
        UsageError: not a regular expression.
    """
    try:
        found = [re.search(pattern, path.stem) for path in paths]
    except re.error as error:
        raise UsageError(f"--person {pattern!r} is not a regular expression: {error}") from error
    names = [
        next(filter(None, match.groups()), match.group()) if match else None for match in found
    ]
    if pattern != PERSON:
        return [name or None for name in names]
    counts = Counter(names)
    nobody = {
        name
        for name, count in counts.items()
        if not name or _is_nobody(name) or count > max(_FEW, len(paths) / 2)
    }
    return [None if name in nobody else name for name in names]


def _is_nobody(name: str) -> bool:
    return {word for word in re.split(r"[\W\d_]+", name.lower()) if word} <= _NOBODY


def cut_from(root: Path, paths: Sequence[Path]) -> list[str | None]:
    """The picture that each face was cut from, as the listing in `root` says; None without one."""
    try:
        with (root / CUT_FACES).open(encoding="utf-8", newline="") as text:
            listed = {row["file"]: row["picture"] for row in csv.DictReader(text)}
    except (OSError, KeyError, ValueError):
        return [None] * len(paths)
    return [listed.get(path.relative_to(root).as_posix()) for path in paths]


def groups_of(
    count: int, twins: Iterable[Twins], *names: Sequence[str | None]
) -> NDArray[np.int64]:
    """The group of each picture, shape (count,): twins belong together, and what bears one name.

    Args:
        count: how many pictures there are.
        twins: pairs of them, in blocks.
        names: lists of names, such as persons; None is nobody's.
    """
    return joined(count, chain(((pairs.first, pairs.second) for pairs in twins), map(_same, names)))


def _same(names: Sequence[str | None]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each thing that has a name, and the first of that name."""
    first_of: dict[str, int] = {}
    pairs = [
        (first_of.setdefault(name, number), number)
        for number, name in enumerate(names)
        if name is not None
    ]
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
