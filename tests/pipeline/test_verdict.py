import numpy as np
import pytest

from maskwatch.pipeline.verdict import Verdict, VerdictOptions
from maskwatch.types import MaskState

MASK = np.array([0.95, 0.03, 0.02], np.float32)
BARE = np.array([0.04, 0.92, 0.04], np.float32)
TORN = np.array([0.45, 0.4, 0.15], np.float32)


def fed(
    verdict: Verdict, rows: list[np.ndarray], start: float, rate: float = 5.0, weight: float = 1.0
) -> float:
    for count, row in enumerate(rows):
        verdict.add(row, weight, start + count / rate)
    return start + len(rows) / rate


def test_nothing_is_said_of_one_or_two_faces() -> None:
    verdict = Verdict()
    fed(verdict, [MASK, MASK], 0.0)
    assert verdict.state is None


def test_a_few_faces_over_a_while_decide_and_count_from_the_first() -> None:
    verdict = Verdict()
    fed(verdict, [MASK] * 3, 10.0)
    assert verdict.state is MaskState.MASK
    assert verdict.since_s == 10.0


def test_glimpses_far_apart_decide_nothing_and_do_not_date_what_does() -> None:
    verdict = Verdict()
    now = fed(verdict, [BARE] * 4, 0.0, rate=0.7)
    assert verdict.state is None
    fed(verdict, [BARE] * 3, now + 1.0)
    assert verdict.state is MaskState.NO_MASK
    assert verdict.since_s == now + 1.0


@pytest.mark.parametrize("rate", [2.0, 5.0, 30.0])
def test_a_change_is_seen_within_two_seconds(rate: float) -> None:
    verdict = Verdict()
    changed = fed(verdict, [MASK] * int(4 * rate), 0.0, rate)
    now = changed
    while verdict.state is MaskState.MASK:
        verdict.add(BARE, 1.0, now)
        now += 1 / rate
    assert verdict.state is MaskState.NO_MASK
    assert now - 1 / rate - changed <= 2.0
    assert abs(verdict.since_s - changed) < 1e-6, "dated to the first face of the new state"


def test_a_change_is_dated_to_where_the_faces_turned_despite_a_wrong_one() -> None:
    verdict = Verdict()
    changed = fed(verdict, [MASK] * 12 + [BARE] + [MASK] * 3, 0.0)
    fed(verdict, [BARE] * 3 + [MASK] + [BARE] * 5, changed)
    assert verdict.state is MaskState.NO_MASK
    assert changed <= verdict.since_s <= changed + 0.25, "or as far back as the window goes"


def test_no_state_is_dated_to_before_the_one_that_it_follows() -> None:
    options = VerdictOptions(hold_s=0.0)
    verdict = Verdict(options)
    fed(verdict, [MASK, TORN, MASK], 0.0)
    for step in range(3, 40):
        before = verdict.since_s
        verdict.add(BARE if step % 8 < 5 else MASK, 1.0, step / 5)
        assert verdict.since_s >= before


def test_single_wrong_frames_change_nothing() -> None:
    verdict = Verdict()
    fed(verdict, [MASK, MASK, MASK, BARE, MASK, MASK, BARE, MASK, MASK, MASK] * 3, 0.0)
    assert verdict.state is MaskState.MASK


def test_a_person_between_two_states_is_unknown() -> None:
    verdict = Verdict()
    fed(verdict, [TORN] * 10, 0.0)
    assert verdict.state is MaskState.UNKNOWN


def test_a_known_state_outlasts_a_short_doubt() -> None:
    verdict = Verdict()
    now = fed(verdict, [MASK] * 10, 0.0)
    now = fed(verdict, [TORN] * 8, now)
    assert verdict.state is MaskState.MASK
    fed(verdict, [TORN] * 20, now)
    assert verdict.state is MaskState.UNKNOWN


def test_large_sharp_faces_outweigh_small_ones() -> None:
    verdict = Verdict()
    for count in range(6):
        verdict.add(BARE, 0.05, count / 10)
        verdict.add(MASK, 1.0, count / 10)
    assert verdict.state is MaskState.MASK


@pytest.mark.parametrize("rate", [2, 5, 30])
def test_too_little_to_see_is_unknown_however_often_it_is_seen(rate: int) -> None:
    verdict = Verdict()
    fed(verdict, [MASK] * 3 * rate, 0.0, rate, weight=0.02)
    assert verdict.state is MaskState.UNKNOWN
    fed(verdict, [MASK] * 3 * rate, 3.0, rate, weight=0.2)
    assert verdict.state is MaskState.MASK
