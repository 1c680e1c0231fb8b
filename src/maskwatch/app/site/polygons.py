"""Polygons as people draw them: what is wrong with one."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any

from maskwatch.pipeline.zones import Polygon

_Point = tuple[Fraction, Fraction]


def polygon_of(value: Any) -> Polygon:
    """The corners of a polygon, read from a list of [x, y].

    Raises:
        ValueError: it is none; all that is wrong with its corners is named.
    """
    if not isinstance(value, list | tuple):
        raise ValueError("expected a polygon as a list of corners [x, y], each from 0 to 1")
    wrong = [f"corner {n}" for n, corner in enumerate(value, start=1) if not _is_corner(corner)]
    if wrong:
        raise ValueError(
            "expected corners [x, y], both numbers from 0 to 1 (parts of the picture's width and "
            f"height); {', '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} not like that"
        )
    if len(value) < 3:
        raise ValueError(f"expected a polygon of at least 3 corners, got {len(value)}")
    polygon = tuple((float(x), float(y)) for x, y in value)
    if crossing := next(crossings(polygon), None):
        raise ValueError(
            "expected a polygon that does not cross or touch itself; the sides that begin at its "
            f"corners {crossing[0] + 1} and {crossing[1] + 1} do: list the corners in order, "
            "each once"
        )
    return polygon


def _is_corner(corner: Any) -> bool:
    return (
        isinstance(corner, list | tuple)
        and len(corner) == 2
        and all(isinstance(n, int | float) and not isinstance(n, bool) for n in corner)
        and all(0 <= n <= 1 for n in corner)
    )


def crossings(polygon: Polygon) -> Iterator[tuple[int, int]]:
    """Pairs of sides that cross or touch where they should not, each by its first corner."""
    # Exact, as the numbers are written: sides in one line must be seen as such.
    points = [(Fraction(str(x)), Fraction(str(y))) for x, y in polygon]
    sides = [(point, points[(n + 1) % len(points)]) for n, point in enumerate(points)]
    for one, other in combinations(range(len(sides)), 2):
        if other - one in (1, len(sides) - 1):
            first, second = (one, other) if other - one == 1 else (other, one)
            # Neighbours share a corner; they must not run back over each other.
            if _folds_back(*sides[first], sides[second][1]):
                yield one, other
        elif _meet(sides[one], sides[other]):
            yield one, other


def _side_of(a: _Point, b: _Point, c: _Point) -> Fraction:
    """Above 0 where c lies on one side of the line through a and b, below on the other."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _folds_back(a: _Point, b: _Point, c: _Point) -> bool:
    ahead = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return _side_of(a, b, c) == 0 and ahead <= 0


def _meet(one: tuple[_Point, _Point], other: tuple[_Point, _Point]) -> bool:
    """Whether two sides share a point."""
    (a, b), (c, d) = one, other
    overlap = all(
        max(min(a[axis], b[axis]), min(c[axis], d[axis]))
        <= min(max(a[axis], b[axis]), max(c[axis], d[axis]))
        for axis in (0, 1)
    )
    return (
        overlap
        and _side_of(a, b, c) * _side_of(a, b, d) <= 0
        and _side_of(c, d, a) * _side_of(c, d, b) <= 0
    )
