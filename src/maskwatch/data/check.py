"""What is wrong with a labelled set: a report in plain values."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from maskwatch.boxes import area, clip, short_side
from maskwatch.data.choices import NEAR_BITS, PERSON, TINY_PX
from maskwatch.data.duplicates import Twins, TwinsWithin, joined
from maskwatch.data.facts import Facts
from maskwatch.data.groups import persons
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import SKIP
from maskwatch.data.problems import CheckReport, Problem
from maskwatch.types import CLASSES

_WHOLE = "all"
_LEAST_INSIDE = 0.5


def check_set(
    labelled: LabelledSet,
    facts: Sequence[Facts],
    *,
    near_bits: int = NEAR_BITS,
    tiny_px: float = TINY_PX,
    person: str = PERSON,
) -> CheckReport:
    """Look for what spoils training and figures.

    Args:
        labelled: the set.
        facts: of its pictures, in their order.
        near_bits: pictures that differ in at most so many of 64 bits are near duplicates.
        tiny_px: faces (or pictures, where those are labelled) with a shorter side are tiny.
        person: the regular expression that finds persons in file names.

    Raises:
        UsageError: `person` is not a regular expression.
    """
    pictures = labelled.pictures
    twins = TwinsWithin(facts, near_bits)
    problems = [Problem("unused", sentence, ()) for sentence in labelled.problems]
    problems += [Problem("unreadable", f.error, (str(f.path),)) for f in facts if f.error]
    good = [picture for picture, fact in zip(pictures, facts, strict=True) if fact.error is None]
    problems += _counts(labelled, good)
    problems += _outside(pictures, facts)
    problems += _tiny(pictures, facts, tiny_px)
    problems += duplicates(pictures, facts, twins)
    problems += _people(pictures, person)
    return CheckReport(
        root=str(labelled.root),
        form=labelled.form,
        classes={
            name: SKIP if state is None else state.value for name, state in labelled.classes.items()
        },
        pictures=dict(Counter(p.split or _WHOLE for p in pictures)),
        faces=_faces(good),
        problems=tuple(problems),
        leaks=leaks_of([p.split for p in pictures], twins),
    )


def leaks_of(splits: Sequence[str | None], twins: Iterable[Twins]) -> dict[str, dict[str, int]]:
    """For each part but train: its `pictures`, and how many are `exact` or `near` copies of ones
    in train (an exact one is not counted as near)."""
    in_train = np.array([split == "train" for split in splits], bool)
    others = [split for split in dict.fromkeys(splits) if split not in (None, "train")]
    if not in_train.any() or not others:
        return {}
    exact, near = np.zeros_like(in_train), np.zeros_like(in_train)
    for pairs in twins:
        for one, other in ((pairs.first, pairs.second), (pairs.second, pairs.first)):
            exact[one[in_train[other] & pairs.exact]] = True
            near[one[in_train[other] & ~pairs.exact]] = True
    out = {}
    for split in others:
        rows = np.array([one == split for one in splits], bool)
        counts = {"pictures": rows, "exact": rows & exact, "near": rows & near & ~exact}
        out[str(split)] = {name: int(these.sum()) for name, these in counts.items()}
    return out


def duplicates(
    pictures: Sequence[LabelledPicture], facts: Sequence[Facts], twins: Iterable[Twins]
) -> list[Problem]:
    """Groups of equal and of nearly equal pictures; those with different labels are conflicts.

    Args:
        pictures: of a set.
        facts: of each of them.
        twins: pairs of them, in blocks.
    """
    near = joined(len(facts), ((p.first[~p.exact], p.second[~p.exact]) for p in twins))
    out: list[Problem] = []
    for kind, names in (
        ("duplicates", [fact.sha256 for fact in facts]),
        ("near duplicates", near.tolist()),
    ):
        members = defaultdict(list)
        for name, picture, fact in zip(names, pictures, facts, strict=True):
            if fact.error is None:
                members[name].append(picture)
        for these in members.values():
            if len(these) < 2:
                continue
            paths = tuple(str(picture.path) for picture in these)
            labels = {_told(picture) for picture in these}
            out.append(Problem(kind, f"{len(these)} {kind}", paths))
            if len(labels) > 1:
                told = " against ".join(sorted(labels))
                out.append(Problem("conflict", f"{kind} labelled {told}", paths))
    return out


def _faces(pictures: Sequence[LabelledPicture]) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for picture in pictures:
        row = out.setdefault(picture.split or _WHOLE, {state.value: 0 for state in CLASSES})
        for state in picture.states:
            row[state.value] = row.get(state.value, 0) + 1
    return out


def _counts(labelled: LabelledSet, good: Sequence[LabelledPicture]) -> list[Problem]:
    """States that a set names but whose pictures do not hold, or hold alone."""
    held = {state for picture in good for state in picture.states}
    out = [
        Problem("empty", f"no face is labelled {state}, though the set names it", ())
        for state in dict.fromkeys(labelled.classes.values())
        if state is not None and state not in held
    ]
    if len(held) == 1:
        out.append(Problem("one class", f"every face is {min(held)}: nothing can be learnt", ()))
    return out


def _outside(pictures: Sequence[LabelledPicture], facts: Sequence[Facts]) -> list[Problem]:
    """Boxes that are turned inside out, or lie by more than half beyond their picture."""
    out = []
    for picture, fact in zip(pictures, facts, strict=True):
        if picture.boxes is None or fact.error:
            continue
        sides = picture.boxes[:, 2:] - picture.boxes[:, :2]
        inside = area(clip(picture.boxes, fact.width, fact.height))
        wrong = (sides <= 0).any(axis=1) | (inside < _LEAST_INSIDE * area(picture.boxes))
        if wrong.any():
            sentence = f"{int(wrong.sum())} boxes that lie beyond the picture or are none"
            out.append(Problem("bad boxes", sentence, (str(picture.path),)))
    return out


def _tiny(
    pictures: Sequence[LabelledPicture], facts: Sequence[Facts], tiny_px: float
) -> list[Problem]:
    out = []
    for picture, fact in zip(pictures, facts, strict=True):
        if picture.boxes is None:
            sides = np.array([min(fact.width, fact.height)] if not fact.error else [])
        else:
            sides = short_side(picture.boxes)
        small = sides[(sides < tiny_px) & (sides > 0)]
        if len(small):
            what = "picture" if picture.boxes is None else f"{len(small)} faces"
            sentence = f"{what} with a side of {small.min():.1f} pixels"
            out.append(Problem("tiny", sentence, (str(picture.path),)))
    return out


def _told(picture: LabelledPicture) -> str:
    """The labels of a picture in words: `mask`, or `2 mask, 1 no_mask`."""
    if picture.boxes is None:
        return ", ".join(picture.states)
    counts = sorted(Counter(picture.states).items())
    return ", ".join(f"{count} {state}" for state, count in counts) or "nobody"


def _people(pictures: Sequence[LabelledPicture], pattern: str) -> list[Problem]:
    shown = defaultdict(list)
    for picture, person in zip(pictures, persons([p.path for p in pictures], pattern), strict=True):
        if person is not None:
            shown[person].append(picture)
    out = []
    for person, these in shown.items():
        if len(these) > 1:
            parts = {picture.split for picture in these}
            where = f", in {len(parts)} parts" if len(parts) > 1 else ""
            sentence = f"{len(these)} pictures named {person!r}{where}"
            out.append(Problem("same person", sentence, tuple(str(p.path) for p in these)))
    return out
