"""Splitting a set so that what belongs together stays together, and classes stay in proportion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskwatch.data.choices import Balance
from maskwatch.data.labelled import LabelledPicture
from maskwatch.errors import UsageError
from maskwatch.types import CLASSES

_COLUMNS = len(CLASSES) + 1
"""Faces of each state, and pictures."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts of a whole: what is neither `val` nor `test` is for training."""

    val: float = 0.1
    test: float = 0.2

    def __post_init__(self) -> None:
        if min(self.val, self.test) < 0 or self.val + self.test >= 1:
            raise UsageError(
                f"--val {self.val} and --test {self.test} must be 0 or more and leave something "
                "to train on"
            )

    @property
    def wanted(self) -> dict[str, float]:
        """The share of each part that is not empty."""
        shares = {"train": 1 - self.val - self.test, "val": self.val, "test": self.test}
        return {name: share for name, share in shares.items() if share > 0}


def split_groups(
    pictures: Sequence[LabelledPicture],
    groups: NDArray[np.int64],
    wanted: dict[str, float],
    seed: int,
) -> list[str]:
    """The part of each picture; groups never cross.

    The largest groups go first, each where it brings the counts of states and pictures nearest to
    the shares; groups of one size come in an order that the seed gives.

    Args:
        pictures: of the set.
        groups: of each, shape (n,).
        wanted: parts and their shares, which sum to 1.
        seed: another seed gives another split.

    Raises:
        UsageError: fewer groups than parts.
    """
    names = list(wanted)
    shares = np.array([wanted[name] for name in names])
    _, group_of = np.unique(groups, return_inverse=True)
    counts = np.zeros((int(group_of.max(initial=-1)) + 1, _COLUMNS))
    for number, picture in zip(group_of, pictures, strict=True):
        for state in picture.states:
            if state in CLASSES:
                counts[number, CLASSES.index(state)] += 1
        counts[number, -1] += 1
    if len(counts) < len(names):
        raise UsageError(f"{len(counts)} groups of pictures cannot be split into {len(names)}")
    # In parts of the whole, so that rare states weigh as much as common ones.
    counts = counts / np.maximum(counts.sum(axis=0), 1)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order, -1], kind="stable")]
    have = np.zeros((len(names), _COLUMNS))
    part = np.zeros(len(counts), int)
    for number in order:
        # How much nearer to its shares a part comes; a part that is full comes no nearer.
        missing = shares[:, None] - have
        gain = (missing**2 - (missing - counts[number]) ** 2) / shares[:, None]
        part[number] = int(gain.sum(axis=1).argmax())
        have[part[number]] += counts[number]
    if empty := set(names) - {names[number] for number in part}:
        raise UsageError(
            f"nothing is left for {', '.join(sorted(empty))}: {len(pictures)} pictures in "
            f"{len(counts)} groups are too few; ask for fewer parts, or give more pictures"
        )
    return [names[part[number]] for number in group_of]


def folds(
    pictures: Sequence[LabelledPicture], groups: NDArray[np.int64], count: int, seed: int
) -> list[int]:
    """For each picture the one of `count` folds in which it is tested.

    Raises:
        UsageError: fewer than two folds, or fewer groups than folds.
    """
    if count < 2:
        raise UsageError(f"--folds takes 2 or more, got {count}")
    wanted = {str(number): 1 / count for number in range(count)}
    return [int(part) for part in split_groups(pictures, groups, wanted, seed)]


def balanced(pictures: Sequence[LabelledPicture], how: Balance, seed: int) -> list[LabelledPicture]:
    """The pictures with the training part's states evened out; those of other parts as they are.

    Args:
        pictures: labelled as a whole.
        how: `under` leaves out pictures of larger states, `over` repeats ones of smaller.
        seed: chooses which.

    Raises:
        UsageError: faces are labelled, not pictures.
    """
    if any(picture.boxes is not None for picture in pictures):
        raise UsageError(
            "--balance is for sets of single faces: a picture with several cannot be evened out"
        )
    rng = np.random.default_rng(seed)
    training = [p for p in pictures if p.split in (None, "train")]
    by_state = {s: [p for p in training if p.states == (s,)] for s in CLASSES}
    sizes = [len(found) for found in by_state.values() if found]
    goal = (min if how is Balance.UNDER else max)(sizes, default=0)
    out = [p for p in pictures if p.split not in (None, "train")]
    for found in by_state.values():
        if not found:
            continue
        kept = found if how is Balance.OVER else []
        more = rng.permutation(len(found))
        need = goal - len(kept)
        out += kept + [replace(found[more[n % len(found)]]) for n in range(need)]
    return out
