import numpy as np
import pytest

from maskwatch import boxes

UNIT = np.array([[0, 0, 10, 10]], np.float32)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param([0, 0, 10, 10], 1.0, id="same"),
        pytest.param([20, 20, 30, 30], 0.0, id="apart"),
        pytest.param([0, 0, 10, 5], 0.5, id="half"),
        pytest.param([5, 0, 15, 10], 1 / 3, id="shifted"),
        pytest.param([3, 3, 3, 3], 0.0, id="empty"),
        pytest.param([10, 0, 20, 10], 0.0, id="touching"),
    ],
)
def test_iou(other: list[float], expected: float) -> None:
    assert boxes.iou(UNIT, np.array([other], np.float32))[0, 0] == pytest.approx(expected)


def test_iou_of_nothing_has_the_right_shape() -> None:
    assert boxes.iou(UNIT, np.zeros((0, 4), np.float32)).shape == (1, 0)


def test_area_of_a_box_turned_inside_out_is_zero() -> None:
    assert boxes.area(np.array([[5, 5, 1, 9], [0, 0, 2, 3]], np.float32)).tolist() == [0, 6]


def test_short_side() -> None:
    assert boxes.short_side(np.array([[0, 0, 4, 9], [0, 0, 9, 3]], np.float32)).tolist() == [4, 3]


def test_clip() -> None:
    got = boxes.clip(np.array([[-5, -1, 200, 50]], np.float32), 100, 40)
    assert got.tolist() == [[0, 0, 100, 40]]


def test_pad_widens_each_side_by_its_own_length() -> None:
    got = boxes.pad(np.array([[10, 10, 20, 30]], np.float32), 0.1)
    assert got.tolist() == [[9, 8, 21, 32]]


def test_squares_keep_the_centre_and_take_the_longer_side() -> None:
    got = boxes.squares(np.array([[10, 10, 20, 30]], np.float32), 0.1)
    assert got.tolist() == [[3, 8, 27, 32]]


def test_nms_keeps_the_best_of_each_heap() -> None:
    table = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 0, 9, 9]], np.float32)
    scores = np.array([0.5, 0.9, 0.7, 0.6], np.float32)
    assert boxes.nms(table, scores, 0.5).tolist() == [1, 2]


def test_nms_keeps_what_overlaps_exactly_as_much_as_allowed() -> None:
    table = np.array([[0, 0, 10, 10], [0, 0, 10, 5]], np.float32)
    assert len(boxes.nms(table, np.array([0.9, 0.8], np.float32), 0.5)) == 2


def test_nms_of_nothing() -> None:
    assert boxes.nms(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.5).tolist() == []


def test_suppression_in_blocks_is_the_plain_greedy_one() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 200, (900, 2))
    table = np.hstack([corner, corner + rng.uniform(5, 60, (900, 2))]).astype(np.float32)
    scores = rng.random(900).astype(np.float32)
    left, kept = np.argsort(-scores, kind="stable").tolist(), []
    while left:
        best, *left = left
        kept.append(best)
        overlaps = boxes.iou(table[[best]], table[left])[0]
        left = [row for row, overlap in zip(left, overlaps, strict=True) if overlap <= 0.3]
    assert boxes.nms(table, scores, 0.3).tolist() == kept
    assert len(kept) > 20
