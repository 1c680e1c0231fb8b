"""Splitting a set on disk: read, grouped, split, checked for leaks, written."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.data.check import duplicates, leaks_of
from maskwatch.data.choices import NEAR_BITS, PERSON, Balance, Group
from maskwatch.data.duplicates import Twins, TwinsWithin
from maskwatch.data.facts import Facts
from maskwatch.data.formats import WRITERS
from maskwatch.data.formats.files import write_text
from maskwatch.data.groups import cut_from, groups_of, persons
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import SPLITS
from maskwatch.data.outputs import start_folder, write_note
from maskwatch.data.split import Shares, balanced, folds, split_groups
from maskwatch.errors import SourceError, UsageError
from maskwatch.sinks.records import csv_line
from maskwatch.types import CLASSES

LISTING = "split.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """How a set is split; `folds` takes the place of `shares`, `anew` mixes parts that it has."""

    shares: Shares = Shares()
    folds: int | None = None
    kinds: frozenset[Group] = frozenset({Group.NEAR_DUPLICATES})
    person: str = PERSON
    near_bits: int = NEAR_BITS
    balance: Balance | None = None
    seed: int = 42
    anew: bool = False


def part_set(
    labelled: LabelledSet, facts: Sequence[Facts], how: Parting, out: Path
) -> dict[str, Any]:
    """Write the parts of a set in its own form, `split.csv` and the note that is returned.

    Pictures that cannot be read are left out and listed. Folds lie in `fold-1`, `fold-2`, ..., each
    with `train` and `test`.

    Args:
        labelled: the set.
        facts: of its pictures, in their order.
        how: shares, groups, seed.
        out: a folder that `check_folder` allowed.

    Raises:
        UsageError: the set has parts already, or too few groups.
        SourceError: no picture can be read.
        SinkError: a file cannot be written.
    """
    if labelled.splits != (None,) and not how.anew:
        raise UsageError(f"{labelled.root} has parts already; --anew mixes them and splits again")
    good = [number for number, fact in enumerate(facts) if fact.error is None]
    if not good:
        raise SourceError(f"no picture of {labelled.root} can be read")
    pictures = [labelled.pictures[number] for number in good]
    twins = TwinsWithin([facts[number] for number in good], how.near_bits)
    groups = _groups(labelled.root, pictures, twins, how)
    conflicts = _conflicts(labelled.root, pictures, twins)
    parts: list[dict[str, Any]] = []
    # All that may be refused comes before an earlier run's parts are deleted.
    planned = [
        (name, splits, _placed(pictures, splits, how))
        for name, splits in _splits(pictures, groups, how)
    ]
    start_folder(out, "data split")
    for name, splits, kept in planned:
        files = WRITERS[labelled.form](replace(labelled, pictures=tuple(kept)), out / name)
        group_of = dict(zip([p.path for p in pictures], groups.tolist(), strict=True))
        _write_listing(files, kept, group_of, out / name)
        parts += _counted(name, kept, leaks_of(splits, twins))
    note = {
        "command": "data split",
        "set": str(labelled.root),
        "how": asdict(how) | {"kinds": sorted(how.kinds)},
        "readable": len(pictures),
        "groups": len(set(groups.tolist())),
        "unreadable": [fact.error for fact in facts if fact.error],
        "parts": parts,
        "warnings": [*_missing(parts), *conflicts],
    }
    write_note(out, note)
    return note


def _groups(
    root: Path, pictures: Sequence[LabelledPicture], twins: Iterable[Twins], how: Parting
) -> NDArray[np.int64]:
    """Twins, persons where that is asked for, and always faces that were cut from one picture."""
    together = twins if Group.NEAR_DUPLICATES in how.kinds else []
    paths = [picture.path for picture in pictures]
    names = [cut_from(root, paths)]
    if Group.PERSON in how.kinds:
        names.append(persons(paths, how.person))
    return groups_of(len(pictures), together, *names)


def _splits(
    pictures: Sequence[LabelledPicture], groups: NDArray[np.int64], how: Parting
) -> list[tuple[str, list[str]]]:
    """The part of each picture; of folds once for each."""
    if how.folds is None:
        return [("", split_groups(pictures, groups, how.shares.wanted, how.seed))]
    tested = folds(pictures, groups, how.folds, how.seed)
    return [
        (f"fold-{fold + 1}", ["test" if one == fold else "train" for one in tested])
        for fold in range(how.folds)
    ]


def _placed(
    pictures: Sequence[LabelledPicture], splits: Sequence[str], how: Parting
) -> list[LabelledPicture]:
    """The pictures with their parts, evened out where that is asked for."""
    placed = [replace(p, split=s) for p, s in zip(pictures, splits, strict=True)]
    return balanced(placed, how.balance, how.seed) if how.balance else placed


def _write_listing(
    files: Sequence[Path],
    pictures: Sequence[LabelledPicture],
    group_of: dict[Path, int],
    out: Path,
) -> None:
    rows = [
        (
            file.relative_to(out).as_posix(),
            str(picture.path),
            picture.split,
            group_of[picture.path],
            " ".join(picture.states),
        )
        for file, picture in zip(files, pictures, strict=True)
    ]
    lines = map(csv_line, [("file", "picture", "part", "group", "states"), *rows])
    write_text("".join(lines), out / LISTING)


def _missing(parts: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences about parts without a state that others have."""
    return [
        f"{row['part']} has no {state.value}: too few of them"
        for row in parts
        for state in CLASSES
        if not row[state.value] and any(other[state.value] for other in parts)
    ]


def _conflicts(root: Path, pictures: Sequence[LabelledPicture], twins: TwinsWithin) -> list[str]:
    """A sentence about twins that are labelled differently, if there are any."""
    found = [p for p in duplicates(pictures, twins.facts, twins) if p.kind == "conflict"]
    if not found:
        return []
    count = len({path for problem in found for path in problem.paths})
    looser = "" if twins.most_bits == NEAR_BITS else f" --near-bits {twins.most_bits}"
    return [
        f"{count} pictures are duplicates or near duplicates that are not all labelled alike: "
        f"maskwatch data check {root}{looser} lists them"
    ]


def _counted(
    name: str, pictures: Sequence[LabelledPicture], leaks: dict[str, dict[str, int]]
) -> list[dict[str, Any]]:
    out = []
    for split in SPLITS:
        these = [picture for picture in pictures if picture.split == split]
        states = [state for picture in these for state in picture.states]
        leak = leaks.get(split)
        out.append(
            {
                "part": f"{name}/{split}".lstrip("/"),
                "pictures": len(these),
                **{state.value: states.count(state) for state in CLASSES},
                "twins_in_train": leak["exact"] + leak["near"] if leak else 0,
            }
        )
    return [row for row in out if row["pictures"]]
