"""Which pictures are the same, or nearly: equal bytes, and few differing bits of their hashes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwatch.data.choices import NEAR_BITS
from maskwatch.data.facts import Facts

_CELLS_AT_ONCE = 16_000_000


@dataclass(frozen=True, slots=True)
class Twins:
    """Two files, by their places in a list, and in how many of 64 bits they differ; `exact` says
    that their bytes are equal."""

    first: int
    second: int
    bits: int
    exact: bool


def twins_within(facts: Sequence[Facts], most_bits: int = NEAR_BITS) -> list[Twins]:
    """All pairs of one list, the first before the second; files in error have none."""
    return _twins(facts, facts, most_bits, within=True)


def twins_between(
    first: Sequence[Facts], second: Sequence[Facts], most_bits: int = NEAR_BITS
) -> list[Twins]:
    """All pairs of a file of the first list and one of the second."""
    return _twins(first, second, most_bits, within=False)


def _twins(
    first: Sequence[Facts], second: Sequence[Facts], most_bits: int, *, within: bool
) -> list[Twins]:
    """Pairs that differ in few bits, as they are or with either of them mirrored.

    The hash of a mirror image is not the mirror of the hash, so both are asked.
    """
    rows = [i for i, one in enumerate(first) if one.error is None]
    columns = [i for i, one in enumerate(second) if one.error is None]
    if not rows or not columns:
        return []
    left = _signs([first[i].looks for i in rows])
    left_mirrored = _signs([first[i].mirrored_looks for i in rows])
    right = _signs([second[i].looks for i in columns])
    mirrored = _signs([second[i].mirrored_looks for i in columns])
    out = []
    block = max(1, _CELLS_AT_ONCE // len(columns))
    for start in range(0, len(rows), block):
        # Of vectors of 64 signs, the product tells in how many places they differ.
        part, turned = left[start : start + block], left_mirrored[start : start + block]
        alike = np.maximum(part @ right.T, part @ mirrored.T)
        np.maximum(alike, turned @ right.T, out=alike)
        apart = (64 - alike) / 2
        near = apart <= most_bits
        if within:
            near &= np.arange(len(columns)) > np.arange(start, start + len(part))[:, None]
        for i, j in np.argwhere(near):
            one, other = rows[start + i], columns[j]
            same = first[one].sha256 == second[other].sha256
            out.append(Twins(one, other, int(apart[i, j]), same))
    return out


def _signs(hashes: Sequence[int]) -> NDArray[np.float32]:
    """Hashes as vectors of 64 signs, shape (n, 64)."""
    bytes_ = np.array(hashes, ">u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(bytes_, axis=1).astype(np.float32) * 2 - 1


def joined(count: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """The group of each of `count` things when these pairs belong together, shape (count,)."""
    group = np.arange(count)

    def root(one: int) -> int:
        while group[one] != one:
            group[one] = group[group[one]]
            one = int(group[one])
        return one

    for first, second in pairs:
        group[root(second)] = root(first)
    return np.array([root(one) for one in range(count)], np.int64)
