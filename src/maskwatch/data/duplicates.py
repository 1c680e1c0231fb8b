"""Which pictures are the same, or nearly: equal bytes, and few differing bits of their hashes.

Ten thousand frames of one still camera are fifty million pairs: pairs come in blocks, and whoever
looks at them keeps only what is asked of each picture.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwatch.data.choices import NEAR_BITS
from maskwatch.data.facts import Facts
from maskwatch.types import Floats

_CELLS_AT_ONCE = 2_000_000
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Twins:
    """n pairs of files as a struct of arrays (n,): their places in a list, in how many of 64 bits
    they differ; `exact` says that their bytes are equal."""

    first: Places
    second: Places
    bits: NDArray[np.uint8]
    exact: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True)
class TwinsWithin:
    """All pairs of one list, the first before the second, in blocks; files in error have none.

    Pairs are looked for anew each time they are looped over, as they may not fit into memory.
    """

    facts: Sequence[Facts]
    most_bits: int = NEAR_BITS

    def __iter__(self) -> Iterator[Twins]:
        (looks,) = _looks(self.facts)
        return _pairs(looks, looks, self.most_bits, within=True)


def twins_between(
    first: Sequence[Facts], second: Sequence[Facts], most_bits: int = NEAR_BITS
) -> Twins:
    """For each file of the second list that has twins in the first, the nearest of them."""
    none = np.iinfo(np.int64).max
    best = np.full(len(second), none)
    left, right = _looks(first, second)
    for pairs in _pairs(left, right, most_bits, within=False):
        # The fewest bits, then equal bytes, then the earliest.
        rank = 2 * pairs.bits.astype(np.int64) + ~pairs.exact
        np.minimum.at(best, pairs.second, rank * len(first) + pairs.first)
    found = np.flatnonzero(best < none)
    rank, place = np.divmod(best[found], max(1, len(first)))
    return Twins(place, found, (rank // 2).astype(np.uint8), rank % 2 == 0)


def joined(count: int, pairs: Iterable[tuple[Places, Places]]) -> Places:
    """The group of each of `count` things when these pairs belong together, shape (count,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    group = np.arange(count)
    for first, second in pairs:
        ends = group[first], group[second]
        graph = coo_array((np.ones(len(first), np.int8), ends), (count, count))
        group = connected_components(graph, directed=False)[1][group]
    return group.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """The readable files of a list: places (n,), hashes of each and its mirror image as signs
    (n, 64), numbers (n,) that files with the same bytes share."""

    places: Places
    plain: Floats
    mirrored: Floats
    bytes_: Places


def _looks(*lists: Sequence[Facts]) -> list[_Looks]:
    number_of: dict[str, int] = {}
    out = []
    for facts in lists:
        places = [place for place, fact in enumerate(facts) if fact.error is None]
        good = [facts[place] for place in places]
        numbers = [number_of.setdefault(fact.sha256, len(number_of)) for fact in good]
        out.append(
            _Looks(
                np.array(places, np.int64),
                _signs([fact.looks for fact in good]),
                _signs([fact.mirrored_looks for fact in good]),
                np.array(numbers, np.int64),
            )
        )
    return out


def _pairs(left: _Looks, right: _Looks, most_bits: int, *, within: bool) -> Iterator[Twins]:
    """Pairs that differ in few bits, as they are or with either of them mirrored.

    The hash of a mirror image is not the mirror of the hash, so both are asked.
    """
    block = max(1, _CELLS_AT_ONCE // max(1, len(right.places)))
    for start in range(0, len(left.places), block):
        rows = slice(start, start + block)
        columns = slice(start if within else 0, None)
        # Of vectors of 64 signs, the product tells in how many places they differ.
        alike = left.plain[rows] @ right.plain[columns].T
        np.maximum(alike, left.plain[rows] @ right.mirrored[columns].T, out=alike)
        np.maximum(alike, left.mirrored[rows] @ right.plain[columns].T, out=alike)
        near = alike >= 64 - 2 * most_bits
        if within:
            square = near[:, : len(near)]
            square &= ~np.tri(len(near), dtype=np.bool_)
        i, j = np.nonzero(near)
        one, other = i + start, j + (columns.start or 0)
        yield Twins(
            left.places[one],
            right.places[other],
            ((64 - alike[i, j]) / 2).astype(np.uint8),
            left.bytes_[one] == right.bytes_[other],
        )


def _signs(hashes: Sequence[int]) -> Floats:
    """Hashes as vectors of 64 signs, shape (n, 64)."""
    bytes_ = np.array(hashes, ">u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(bytes_, axis=1).astype(np.float32) * 2 - 1
