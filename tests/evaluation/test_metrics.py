import numpy as np
import pytest

from maskwatch.evaluation.metrics import accuracy_of, interval


def test_figures_by_hand() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    told = np.array([0, 0, 0, 1, 1, 1, 2, 2, 0, 2])
    got = accuracy_of(truth, told)
    assert got.accuracy == pytest.approx(0.7)
    # Precision and recall are 3/4 and 3/4, 2/3 and 2/3, 2/3 and 2/3.
    assert got.f1 == pytest.approx((0.75, 2 / 3, 2 / 3))
    assert got.support == (4, 3, 3)


def test_a_class_that_never_occurs() -> None:
    assert accuracy_of(np.array([0, 1]), np.array([0, 1])).f1 == (1.0, 1.0, 0.0)


def test_the_interval_holds_the_accuracy_and_groups_widen_it() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(rng.integers(0, 3, 100), 10)
    told = np.where(np.repeat(rng.random(100) < 0.8, 10), truth, (truth + 1) % 3)
    groups = np.repeat(np.arange(100), 10)
    low, high = interval(truth, told, groups)
    assert low < float((truth == told).mean()) < high
    alone_low, alone_high = interval(truth, told, np.arange(1000))
    assert high - low > 2 * (alone_high - alone_low)
