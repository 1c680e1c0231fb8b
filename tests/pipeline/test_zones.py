import numpy as np

from maskwatch.pipeline.zones import Zones

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
CORNER = ((0.0, 0.0), (0.2, 0.0), (0.0, 0.4))
BOXES = np.array([[0, 0, 20, 20], [90, 40, 110, 60], [150, 80, 170, 100]], np.float32)


def test_without_polygons_all_faces_count() -> None:
    assert Zones().keeps(BOXES, 200, 100).tolist() == [True, True, True]


def test_the_centre_decides() -> None:
    assert Zones(include=(LEFT,)).keeps(BOXES, 201, 100).tolist() == [True, True, False]
    assert Zones(ignore=(LEFT,)).keeps(BOXES, 201, 100).tolist() == [False, False, True]


def test_ignored_places_win_over_included_ones() -> None:
    kept = Zones(include=(LEFT,), ignore=(CORNER,)).keeps(BOXES, 201, 100)
    assert kept.tolist() == [False, True, False]


def test_a_concave_polygon() -> None:
    horseshoe = ((0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.3), (0.3, 0.3), (0.3, 1), (0, 1))
    points = np.array([[0.5, 0.6], [0.15, 0.6], [0.85, 0.6], [0.5, 0.15]])
    boxes = np.hstack([points - 0.01, points + 0.01]).astype(np.float32) * 100
    kept = Zones(include=(horseshoe,)).keeps(boxes, 100, 100)
    assert kept.tolist() == [False, True, True, True]


def test_no_faces() -> None:
    assert Zones(include=(LEFT,)).keeps(np.zeros((0, 4), np.float32), 10, 10).shape == (0,)
