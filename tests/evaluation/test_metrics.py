import numpy as np
import pytest

from maskwatch.evaluation.intervals import difference, interval
from maskwatch.evaluation.metrics import (
    Labels,
    Metric,
    accuracy,
    accuracy_of,
    balanced_compliance,
    calibration_error,
    counted,
    f1_of,
    risk_coverage,
)
from maskwatch.types import Floats

TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
TOLD = np.array([0, 0, 0, 1, 1, 1, 2, 2, 0, 2])


def sure_of(told: np.ndarray[tuple[int], np.dtype[np.int64]], p: float = 0.9) -> Floats:
    """Probabilities with `p` on what is told."""
    return np.asarray(np.eye(3)[told] * (p - (1 - p) / 2) + (1 - p) / 2, np.float32)


def test_figures_by_hand() -> None:
    got = accuracy_of(TRUTH, TOLD)
    assert got.accuracy == pytest.approx(0.7)
    # Precision and recall are 3/4 and 3/4, 2/3 and 2/3, 2/3 and 2/3.
    assert got.f1 == pytest.approx((0.75, 2 / 3, 2 / 3))
    assert got.support == (4, 3, 3)
    assert accuracy(counted(TRUTH, sure_of(TOLD))) == pytest.approx(0.7)
    assert f1_of(0)(counted(TRUTH, sure_of(TOLD))) == pytest.approx(0.75)


def test_compliance_by_hand() -> None:
    # 3 of 4 compliant ones and 5 of 6 violations are told as such.
    assert balanced_compliance(counted(TRUTH, sure_of(TOLD))) == pytest.approx((3 / 4 + 5 / 6) / 2)


def test_a_class_that_never_occurs() -> None:
    assert accuracy_of(np.array([0, 1]), np.array([0, 1])).f1 == (1.0, 1.0, 0.0)


def test_calibration_error_by_hand() -> None:
    assert calibration_error(TRUTH, sure_of(TOLD, 0.9), bins=1) == pytest.approx(0.2)
    assert calibration_error(TRUTH, sure_of(TOLD, 0.7), bins=1) == pytest.approx(0, abs=1e-6)
    # Ten bins of one face each: seven right ones are 0.1 off, three wrong ones 0.9.
    assert calibration_error(TRUTH, sure_of(TOLD, 0.9), bins=10) == pytest.approx(0.34)


def test_risk_and_coverage_by_hand() -> None:
    truth, told = np.array([0, 1, 2, 0]), np.array([0, 1, 0, 1])
    probabilities = np.vstack([sure_of(told[[i]], p) for i, p in enumerate((0.9, 0.6, 0.8, 0.5))])
    coverage, wrong = risk_coverage(truth, probabilities)
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1])
    assert wrong == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])


def test_the_interval_holds_the_figure_and_groups_widen_it() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(rng.integers(0, 3, 100), 10)
    told = np.where(np.repeat(rng.random(100) < 0.8, 10), truth, (truth + 1) % 3)
    low, high = interval(accuracy, truth, sure_of(told), np.repeat(np.arange(100), 10), draws=300)
    assert low < float((truth == told).mean()) < high
    alone = interval(accuracy, truth, sure_of(told), np.arange(1000), draws=300)
    assert high - low > 2 * (alone[1] - alone[0])


def test_a_paired_difference_is_surer_than_two_intervals() -> None:
    rng = np.random.default_rng(1)
    truth, groups = rng.integers(0, 3, 500), np.arange(500)
    first = np.where(rng.random(500) < 0.7, truth, (truth + 1) % 3)
    second = np.where((first != truth) & (rng.random(500) < 0.3), truth, first)
    low, high = difference(accuracy, truth, sure_of(first), sure_of(second), groups, draws=300)
    assert 0 < low < float((second == truth).mean() - (first == truth).mean()) < high
    same = difference(accuracy, truth, sure_of(first), sure_of(first), groups, draws=50)
    assert same == (0, 0)


def test_what_was_not_told_is_wrong_and_no_state() -> None:
    table = sure_of(TOLD)
    table[:2] = 0
    counts = counted(TRUTH, table)
    assert counts.tolist() == [[1, 1, 0, 2], [0, 2, 1, 0], [1, 0, 2, 0]]
    assert accuracy(counts) == pytest.approx(0.5)
    # One mask of four is found, and one of the two that are told mask is one.
    assert f1_of(0)(counts) == pytest.approx(2 * (1 / 2) * (1 / 4) / (1 / 2 + 1 / 4))
    assert balanced_compliance(counts) == pytest.approx((1 / 4 + 5 / 6) / 2)
    assert calibration_error(TRUTH, table, bins=1) == pytest.approx(abs(0.9 - 5 / 8))
    assert risk_coverage(TRUTH, table)[1][-1] == pytest.approx(0.5)


def drawn_one_by_one(
    metric: Metric, truth: Labels, tables: list[Floats], groups: Labels
) -> list[float]:
    """The plain bootstrap of one table's figure, or of the second's less the first's."""
    rng = np.random.default_rng(7)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    values = []
    for _ in range(4000):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        figures = [float(metric(counted(truth[rows], table[rows]))) for table in tables]
        values.append(figures[-1] - figures[0] if len(figures) > 1 else figures[0])
    return np.nanpercentile(values, [2.5, 97.5]).tolist()


@pytest.mark.parametrize("metric", [accuracy, balanced_compliance, f1_of(2)])
def test_intervals_are_those_of_draws_one_by_one(metric: Metric) -> None:
    rng = np.random.default_rng(3)
    groups = np.sort(rng.integers(0, 40, 120))
    truth = (rng.integers(0, 3, 40)[groups] + (rng.random(120) < 0.2)) % 3
    tables = [
        sure_of(np.where(rng.random(120) < share, truth, rng.integers(0, 3, 120)))
        for share in (0.6, 0.8)
    ]
    tables[0][:3] = 0
    got = interval(metric, truth, tables[1], groups, draws=4000)
    assert got == pytest.approx(drawn_one_by_one(metric, truth, tables[1:], groups), abs=0.015)
    got = difference(metric, truth, *tables, groups, draws=4000)
    assert got == pytest.approx(drawn_one_by_one(metric, truth, tables, groups), abs=0.015)


def test_intervals_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = interval(accuracy, TRUTH, sure_of(TOLD), np.arange(10))
    monkeypatch.setattr("maskwatch.evaluation.intervals._CELLS_AT_ONCE", 50)
    assert interval(accuracy, TRUTH, sure_of(TOLD), np.arange(10)) == whole
