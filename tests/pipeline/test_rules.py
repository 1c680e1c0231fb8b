from collections.abc import Sequence

import numpy as np
import pytest

from maskwatch.events import Alert, AlertKind, Phase
from maskwatch.pipeline.people import People, Visit
from maskwatch.pipeline.rules import Rule, Sight, View
from maskwatch.pipeline.rules.camera_lost import CameraLostRule
from maskwatch.pipeline.rules.compliance import ComplianceRule
from maskwatch.pipeline.rules.violation import ViolationRule
from maskwatch.types import MaskState
from tests.conftest import faces_at

MASK, BARE, WRONG = [0.95, 0.03, 0.02], [0.03, 0.95, 0.02], [0.05, 0.05, 0.9]
HIDDEN = [0.34, 0.33, 0.33]
BOX = [100.0, 100.0, 150.0, 160.0]


class Scene:
    """One camera with one person, five times a second."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.people = People("lobby", wall=lambda time_s: 1000 + time_s)
        self.now_s = 0.0
        self.alerts: list[Alert] = []

    def show(self, row: Sequence[float] | None, seconds: float) -> list[Alert]:
        new: list[Alert] = []
        for _ in range(round(seconds * 5)):
            faces = faces_at([BOX] if row else np.zeros((0, 4)), [row] if row else [])
            weights = np.ones(len(faces), np.float32)
            _, changes = self.people.update(faces, weights, self.now_s, (640, 480))
            view = View("lobby", list(self.people), changes.visits)
            new += self.rule.update(view, self.now_s, lambda time_s: 1000 + time_s)
            self.now_s += 0.2
        self.alerts += new
        return new


def test_a_violation_that_lasts_is_told_once() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=5))
    assert scene.show(BARE, 4.8) == []
    (alert,) = scene.show(BARE, 20)
    assert (alert.phase, alert.kind, alert.state) == (
        Phase.NEW, AlertKind.VIOLATION, MaskState.NO_MASK,
    )  # fmt: skip
    assert alert.since == 1000.0
    assert alert.time == pytest.approx(1005.0, abs=0.25)
    assert alert.sentence == "lobby: no mask for 5 s"
    assert alert.episode is not None


def test_its_change_and_its_end_are_told() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=2))
    (new,) = scene.show(BARE, 4)
    (update,) = scene.show(WRONG, 3)
    (end,) = scene.show(MASK, 3)
    assert [a.phase for a in (new, update, end)] == [Phase.NEW, Phase.UPDATE, Phase.END]
    assert [a.number for a in (new, update, end)] == [0, 1, 2]
    assert {a.id for a in (new, update, end)} == {new.id}
    assert update.state is MaskState.INCORRECT
    assert "now a mask" in end.sentence


def test_who_leaves_ends_the_alert() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=2))
    scene.show(BARE, 4)
    (end,) = scene.show(None, 5)
    assert end.phase is Phase.END
    assert "left" in end.sentence


def test_a_short_violation_is_no_news() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=5))
    scene.show(BARE, 3)
    scene.show(MASK, 10)
    assert scene.alerts == []


def test_out_of_sight_is_not_lasting() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=2.5))
    scene.show(BARE, 1.5)
    scene.show(None, 1.8)
    assert scene.alerts == []


def test_who_comes_back_with_a_mask_is_not_told_for_what_was_before() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=3))
    scene.show(BARE, 2.4)
    scene.show(None, 1.6)
    scene.show(MASK, 3)
    assert scene.alerts == []


def test_other_states_are_not_meant() -> None:
    scene = Scene(ViolationRule("bare", states=(MaskState.INCORRECT,), lasting_s=1))
    assert scene.show(BARE, 10) == []


def test_the_same_person_is_told_again_only_after_the_cool_down() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=1, cooldown_person_s=30))
    for _ in range(3):
        scene.show(BARE, 4)
        scene.show(MASK, 4)
    assert [alert.phase for alert in scene.alerts] == [Phase.NEW, Phase.END]
    scene.show(MASK, 10)
    scene.show(BARE, 4)
    assert [alert.phase for alert in scene.alerts][-1] is Phase.NEW


def test_a_cameras_cool_down_delays_but_does_not_forget() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=1, cooldown_camera_s=10))
    scene.show(BARE, 3)
    scene.show(None, 4)
    assert scene.show(BARE, 2) == []
    (late,) = scene.show(BARE, 6)
    assert late.phase is Phase.NEW


def visits(*states: MaskState, end_s: float) -> list[Visit]:
    return [Visit(f"{end_s}-{number}", state, end_s) for number, state in enumerate(states)]


def rate_alerts(
    rule: ComplianceRule, seen: list[Visit], time_s: float, camera: str = "gate"
) -> list[Alert]:
    return list(rule.update(View(camera, (), seen), time_s, lambda time_s: time_s))


def test_too_low_a_rate_is_told_once_with_its_unknowns() -> None:
    rule = ComplianceRule("rate", below=0.8, window_s=60, at_least=4)
    good, bad, dark = MaskState.MASK, MaskState.NO_MASK, MaskState.UNKNOWN
    assert rate_alerts(rule, visits(good, bad, dark, end_s=1), 1) == []
    (alert,) = rate_alerts(rule, visits(good, bad, dark, end_s=2), 2)
    assert (alert.rate, alert.people, alert.unknown) == (0.5, 4, 2)
    assert "50% of 4 people" in alert.sentence
    assert "2 more unknown" in alert.sentence
    assert rate_alerts(rule, [], 3) == []


def test_a_rate_that_recovers_ends_the_alert() -> None:
    rule = ComplianceRule("rate", below=0.8, window_s=60, at_least=2)
    rate_alerts(rule, visits(MaskState.NO_MASK, MaskState.MASK, end_s=0), 0)
    (end,) = rate_alerts(rule, visits(*[MaskState.MASK] * 8, end_s=10), 10)
    assert (end.phase, end.number, end.rate) == (Phase.END, 1, 0.9)


def test_a_window_that_empties_ends_the_alert_without_claiming_a_rate() -> None:
    rule = ComplianceRule("rate", below=0.8, window_s=60, at_least=2)
    rate_alerts(rule, visits(MaskState.NO_MASK, MaskState.MASK, end_s=0), 0)
    (end,) = rate_alerts(rule, [], 100)
    assert "nobody passed" in end.sentence
    assert end.rate is None


def test_the_end_of_the_watch_ends_an_alert_and_begins_none() -> None:
    rule = ComplianceRule("rate", below=0.8, window_s=60, at_least=2)
    gone = visits(MaskState.NO_MASK, MaskState.NO_MASK, end_s=1)
    assert list(rule.update(View("gate", (), gone, Sight.CLOSED), 1, float)) == []
    assert rate_alerts(rule, [], 2) == [], "who was cut off has not passed, later either"
    (new,) = rate_alerts(rule, visits(MaskState.NO_MASK, MaskState.NO_MASK, end_s=2), 2)
    (end,) = rule.update(View("gate", (), (), Sight.CLOSED), 3, float)
    assert (end.id, end.phase, end.sentence) == (new.id, Phase.END, "gate: no longer watched")


def camera_alerts(
    rule: CameraLostRule, up: bool, time_s: float, lost_since_s: float | None = None
) -> list[Alert]:
    sight = Sight.UP if up else Sight.LOST
    view = View("gate", sight=sight, lost_since_s=lost_since_s, error=None if up else "refused")
    return list(rule.update(view, time_s, lambda time_s: 500 + time_s))


def test_a_lost_camera_is_told_after_a_while_and_when_it_is_back() -> None:
    rule = CameraLostRule("lost", lasting_s=30)
    assert camera_alerts(rule, True, 0) == []
    assert camera_alerts(rule, False, 11, lost_since_s=1) == []
    assert camera_alerts(rule, False, 30, lost_since_s=1) == []
    (lost,) = camera_alerts(rule, False, 31, lost_since_s=1)
    assert lost.sentence == "gate: no picture for 30 s: refused"
    assert lost.since == 501
    assert camera_alerts(rule, False, 60, lost_since_s=1) == []
    (back,) = camera_alerts(rule, True, 61)
    assert (back.phase, back.id) == (Phase.END, lost.id)
    assert "after 1 min" in back.sentence


def test_a_hiccup_is_no_news() -> None:
    rule = CameraLostRule("lost", lasting_s=30)
    for time_s in range(100):
        lost_since_s = time_s // 20 * 20
        assert camera_alerts(rule, time_s % 20 != 0, time_s, lost_since_s) == []


def test_a_camera_that_closes_for_the_night_is_not_back() -> None:
    rule = CameraLostRule("lost", lasting_s=5)
    (lost,) = camera_alerts(rule, False, 10, lost_since_s=1)
    view = View("gate", sight=Sight.CLOSED)
    (end,) = rule.update(view, 20, float)
    assert (end.id, end.phase) == (lost.id, Phase.END)
    assert "no longer watched" in end.sentence
    assert list(rule.update(View("gate", sight=Sight.STARTING), 21, float)) == []


def test_who_looks_away_is_not_known_to_wear_a_mask_now() -> None:
    scene = Scene(ViolationRule("bare", lasting_s=5, cooldown_person_s=600))
    (begun,) = scene.show(BARE, 10)
    assert begun.phase is Phase.NEW
    assert scene.show(HIDDEN, 6) == []
    assert [person.state for person in scene.people] == [MaskState.UNKNOWN]
    assert scene.show(BARE, 10) == []
    (ended,) = scene.show(MASK, 10)
    assert ended.phase is Phase.END
    assert "now a mask" in ended.sentence
