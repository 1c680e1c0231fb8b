"""Which pictures a training learns from, and which it is watched on."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from maskwatch.data.check import leaks_of
from maskwatch.data.duplicates import Twins, TwinsWithin
from maskwatch.data.facts import Facts
from maskwatch.data.groups import groups_of
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.split import split_groups
from maskwatch.errors import UsageError
from maskwatch.training.workshop.samples import Samples, check_states, samples_of
from maskwatch.types import CLASSES, Floats, MaskState

_HELD_OUT = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The faces to learn from and to watch, and what is to be said of them.

    `leaks` counts the validation's `pictures`, and how many have an `exact` or `near` twin among
    those that are learnt from; `key` is short, and another for other pictures, boxes or labels;
    `notes` are sentences about what was decided or left out.
    """

    train: Samples
    val: Samples
    classes: int
    leaks: dict[str, int]
    key: str
    unreadable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def parts_of(labelled: LabelledSet, facts: Sequence[Facts], classes: int, seed: int) -> Parts:
    """Take a set apart.

    The parts train and val are taken as they are; a part test is left alone. Where there is no val,
    a tenth of what is to be learnt from is held out, near duplicates together.

    Args:
        labelled: the set.
        facts: of its pictures, in their order.
        classes: 2 or 3; 0 takes as many as are labelled. With 2, incorrect faces are left out.
        seed: of what is held out.

    Raises:
        UsageError: a part that is needed is not there.
        SourceError: a state has no face.
    """
    notes: list[str] = []
    broken = tuple(fact.error for fact in facts if fact.error)
    readable = [
        (picture, fact)
        for picture, fact in zip(labelled.pictures, facts, strict=True)
        if fact.error is None and picture.split != "test"
    ]
    pictures = [picture for picture, _ in readable]
    twins = TwinsWithin([fact for _, fact in readable])
    splits = {picture.split for picture in pictures}
    if splits == {"val"} or not splits:
        raise UsageError(f"{labelled.root} has no part to learn from: name it train")
    if "val" not in splits:
        pictures = _held_out(pictures, twins, seed)
        notes.append(
            f"the set has no part val: a tenth of its pictures ({_count(pictures, 'val')}) is held "
            "out to watch the training"
        )
    if classes == 0:
        states = {state for picture in pictures for state in picture.states}
        classes = len(CLASSES) if MaskState.INCORRECT in states else 2
    train = samples_of([p for p in pictures if p.split != "val"], classes, "the training part")
    val = samples_of([p for p in pictures if p.split == "val"], classes, "the validation part")
    check_states(train, classes, "the training part")
    left_out = sum(p.states.count(MaskState.INCORRECT) for p in pictures) if classes == 2 else 0
    if left_out:
        notes.append(f"{left_out} faces labelled incorrect are left out: two states are learnt")
    leaks = leaks_of([p.split or "train" for p in pictures], twins)["val"]
    key = _key_of(train, val, {fact.path: fact.sha256 for _, fact in readable})
    return Parts(train, val, classes, leaks, key, broken, tuple(notes))


def _key_of(train: Samples, val: Samples, sha256: dict[Path, str]) -> str:
    """What is learnt from and watched, in a dozen letters."""
    digest = hashlib.sha256()
    for samples in (train, val):
        for path, box, label in zip(samples.paths, samples.boxes, samples.labels, strict=True):
            place = "" if box is None else box.tolist()
            digest.update(f"{sha256[path]} {place} {label}\n".encode())
        digest.update(b"--")
    return digest.hexdigest()[:12]


def _held_out(
    pictures: list[LabelledPicture], twins: Iterable[Twins], seed: int
) -> list[LabelledPicture]:
    shares = {"train": 1 - _HELD_OUT, "val": _HELD_OUT}
    parts = split_groups(pictures, groups_of(len(pictures), twins), shares, seed)
    return [replace(p, split=part) for p, part in zip(pictures, parts, strict=True)]


def _count(pictures: Sequence[LabelledPicture], part: str) -> int:
    return sum(picture.split == part for picture in pictures)


def class_weights(samples: Samples, classes: int, *, balanced: bool) -> Floats:
    """How each state counts, shape (classes,): 1, or so that all count alike together."""
    if not balanced:
        return np.ones(classes, np.float32)
    counts = np.array(samples.counts(classes))
    return np.asarray(len(samples) / (classes * np.maximum(counts, 1)), np.float32)
