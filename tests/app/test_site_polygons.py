from typing import Any

import pytest

from maskwatch.app.site.polygons import crossings, polygon_of

SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param(SQUARE, id="square"),
        pytest.param(SQUARE[::-1], id="the other way round"),
        pytest.param([[0, 0], [1, 0], [0.5, 1]], id="triangle to the edge, whole numbers"),
        pytest.param([[0.1, 0.1], [0.5, 0.4], [0.9, 0.1], [0.5, 0.9]], id="with a dent"),
        pytest.param([[0.1, 0.1], [0.5, 0.1], [0.9, 0.1], [0.5, 0.9]], id="corner within a side"),
    ],
)
def test_polygons_that_do_not_cross_themselves(corners: list[list[float]]) -> None:
    assert polygon_of(corners) == tuple(map(tuple, corners))


@pytest.mark.parametrize(
    ("corners", "sides"),
    [
        pytest.param([[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]], (0, 2), id="a bow tie"),
        pytest.param([[0.1, 0.1], [0.9, 0.1], [0.5, 0.1]], (0, 1), id="in one line"),
        pytest.param([[0.1, 0.3], [0.2, 0.6], [0.3, 0.9]], (1, 2), id="in one slanted line"),
        pytest.param([*SQUARE, SQUARE[0]], (3, 4), id="the first corner again at the end"),
        pytest.param([SQUARE[0], *SQUARE], (0, 1), id="a corner twice"),
        pytest.param(
            [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.1], [0.1, 0.9]], (0, 2), id="touches"
        ),
        pytest.param(
            [[0.1, 0.1], [0.9, 0.1], [0.9, 0.5], [0.95, 0.5], [0.9, 0.5], [0.1, 0.9]],
            (1, 3),
            id="a spike",
        ),
    ],
)
def test_polygons_that_cross_or_touch_themselves(
    corners: list[list[float]], sides: tuple[int, int]
) -> None:
    assert sides in list(crossings(tuple((x, y) for x, y in corners)))
    with pytest.raises(ValueError, match="does not cross or touch itself"):
        polygon_of(corners)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("all", "expected a polygon as a list of corners"),
        ([[0.1, 0.1], [0.2, 0.2]], "at least 3 corners, got 2"),
        ([], "at least 3 corners, got 0"),
        ([[0.1, 0.1], [1.2, 0.1], [0.1, -0.1]], "corner 2, corner 3 are not like that"),
        ([[0.1, 0.1], [float("nan"), 0.1], [0.1, 0.5]], "corner 2 is not like that"),
        ([[0.1, 0.1], [0.1], [0.1, 0.5]], "corner 2 is not like that"),
        ([[0.1, 0.1], [0.1, "0.2"], [0.1, True]], "corner 2, corner 3 are not like that"),
        ([{"x": 0.1}, 5, [0.1, 0.5]], "corner 1, corner 2 are not like that"),
    ],
)
def test_what_is_wrong_with_a_polygon_is_named(value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        polygon_of(value)
