"""People, verdicts and alerts of the clips against what a reader saw in them.

benchmarks/data/clips.json says who is in each clip, from when to when, in which state, as read by
eye. Each clip is replayed at several rates with one rule (a violation that lasts two seconds), and
compared: people counted; labelled changes of state seen within two seconds; verdicts that no label
supports; alerts, one for each violation that lasts, missed and false ones listed. Then longer
footage of people whose state does not change, made by looping their clips with noise and jitter:
how often their verdict changes, and as how many people they count.

Goals: every labelled change within 2 s, no verdict change on a steady person, one alert a person
and episode, people counted with at most 10% error.

    scripts/bench live_truth
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Annotated, Any

import numpy as np
import typer
from kit.jitter import jittered
from kit.report import ROOT, Row, save, show

from maskwatch.app.detector import MaskDetector
from maskwatch.app.live.post import Post, PostSpec
from maskwatch.app.live.replay import FootageClock, replay
from maskwatch.boxes import iou
from maskwatch.events import Alert, Episode, Phase
from maskwatch.pipeline.rules import RuleSet
from maskwatch.pipeline.rules.violation import ViolationRule
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import video_frames
from maskwatch.types import MaskState

CLIPS = ROOT.parent / "shared" / "clips"
TRUTH = Path(__file__).parent / "data" / "clips.json"
_LASTING_S, _SEEN_WITHIN_S, _SAME = 2.0, 2.0, 0.3
_VIOLATIONS = ("no_mask", "incorrect")
_RATES = (2.0, 5.0, 10.0, 25.0)
_STEADY = ("man-bare.mp4", "woman-masked.mp4")


@dataclass
class Told:
    """What a replay came to: persons by their boxes, verdicts and alerts by the time they came."""

    boxes: list[tuple[float, str, np.ndarray]] = field(default_factory=list)
    verdicts: list[tuple[float, Episode]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    visits: int = 0


def main(
    only: Annotated[list[str] | None, typer.Option(help="Clips; else all.")] = None,
    loops: Annotated[int, typer.Option(min=1, help="Of the steady people's clips.")] = 20,
    verbose: Annotated[bool, typer.Option(help="List what was missed and what was false.")] = True,
) -> None:
    """Replay, compare, show, keep."""
    truth = json.loads(TRUTH.read_text("utf-8"))["clips"]
    detector = MaskDetector()
    rows: list[Row] = []
    for rate in _RATES:
        for name, clip in truth.items():
            if not only or name in only:
                told = _told(CLIPS / name, rate, detector)
                row, remarks = _compared(clip, told)
                rows.append({"clip": name, "frames/s": rate, **row})
                for remark in remarks if verbose else ():
                    print(f"{name} at {rate:g}/s: {remark}")
        rows.append(_sum([row for row in rows if row["frames/s"] == rate], rate))
    show("clips against a reader", rows)
    if not only:
        save("live_truth", rows)
    steady = [_steady(name, rate, loops, detector) for name in _STEADY for rate in _RATES[:3]]
    show("steady people", steady)
    save("live_steady", steady)


def _steady(name: str, rate: float, loops: int, detector: MaskDetector) -> Row:
    """A clip of one person in one state, again and again without a pause."""
    rng, clock = np.random.default_rng(0), FootageClock()
    post = Post(PostSpec(name="clip", source=name), RuleSet(), clock, "run")
    episodes: dict[str, Episode] = {}
    visits, start_s, faces = 0, 0.0, 0
    for _ in range(loops):
        for frame in video_frames(str(CLIPS / name), PurePath(name), Stride(seconds=1 / rate)):
            if frame.image is None:
                continue
            clock.now_s = start_s + frame.time
            (result,) = detector.analyse([replace(frame, image=jittered(frame.image, rng))])
            outcome = post.take(result, clock.now_s)
            faces += len(outcome.faces)
            visits += len(outcome.visits)
            episodes |= {episode.id: episode for episode in outcome.batch.episodes}
        start_s = clock.now_s + 1 / rate
    visits += len(post.close(clock.now_s).visits)
    return {
        "clip": name, "frames/s": rate, "seconds": clock.now_s, "faces": faces, "people": 1,
        "counted": visits, "verdict changes": len(episodes) - visits,
    }  # fmt: skip


def _told(path: Path, rate: float, detector: MaskDetector) -> Told:
    clock, told = FootageClock(), Told()
    rules = RuleSet(((ViolationRule("bare", lasting_s=_LASTING_S), ()),))
    post = Post(PostSpec(name="clip", source=path.name), rules, clock, "run")
    known: set[str] = set()
    for result, outcome in replay(post, clock, str(path), detector, rate=rate):
        ids = {person.track: person.id for person in post.people}
        if result is not None:
            for face in outcome.faces:
                if face.track in ids:
                    told.boxes.append((result.time, ids[face.track], face.box))
        for episode in outcome.batch.episodes:
            if episode.id not in known:
                known.add(episode.id)
                told.verdicts.append((clock.now_s, episode))
        told.alerts += [alert for alert in outcome.alerts if alert.phase is Phase.NEW]
        told.visits += len(outcome.visits)
    return told


def _compared(clip: dict[str, Any], told: Told) -> tuple[Row, list[str]]:
    """The figures of one clip, and each thing that was missed or false in words."""
    remarks: list[str] = []
    people = [person for person in clip["people"] if not person.get("small")]
    matched = {person["id"]: _ids_of(person, told) for person in clip["people"]}
    changes = seen = 0
    for person in people:
        for when, state in _changes(person):
            changes += 1
            if _is_seen(when, state, matched[person["id"]], told):
                seen += 1
            else:
                remarks.append(f"missed: {person['id']} {state} from {when} s")
    false = unsure = 0
    by_id = {id_: p for p in clip["people"] for id_ in matched[p["id"]]}
    for when, episode in told.verdicts:
        person = by_id.get(episode.person)
        if person is not None and not _is_supported(when, episode, person):
            false += 1
            unsure += episode.state is MaskState.UNKNOWN
            remarks.append(f"false: {person['id']} {episode.state.value} at {when:.1f} s")
    wanted, missed = 0, 0
    alerted = [alert.person for alert in told.alerts]
    for person in people:
        spans = _violations(person)
        wanted += len(spans)
        got = sum(alerted.count(id_) for id_ in matched[person["id"]])
        if got < len(spans):
            missed += len(spans) - got
            remarks.append(f"{len(spans) - got} alerts missed: {person['id']}")
    false_alerts = [a for a in told.alerts if not _is_due(a, by_id.get(a.person or ""))]
    remarks += [f"false alert: {a.sentence} at {a.time:.1f} s" for a in false_alerts]
    return {
        "people": len(people),
        "also small": len(clip["people"]) - len(people),
        "counted": told.visits,
        "changes": changes,
        "seen in 2 s": seen,
        "false verdicts": false,
        "of them unknown": unsure,
        "alerts due": wanted,
        "alerts": len(told.alerts),
        "missed": missed,
        "false alerts": len(false_alerts),
    }, remarks


def _ids_of(person: dict[str, Any], told: Told) -> set[str]:
    """The persons of the replay that stand where the reader's box is, at its time."""
    when, box = person["box"]["time"], np.array([person["box"]["xyxy"]], np.float32)
    near = [(abs(t - when), id_, b) for t, id_, b in told.boxes if abs(t - when) <= 0.5]
    if not near:
        return set()
    closest = min(t for t, _, _ in near)
    return {
        id_ for t, id_, b in near
        if t <= closest + 0.05 and iou(box, b[None].astype(np.float32))[0, 0] >= _SAME
    }  # fmt: skip


def _states(person: dict[str, Any]) -> list[dict[str, Any]]:
    return [span for span in person["states"] if span["state"] in (*_VIOLATIONS, "mask")]


def _changes(person: dict[str, Any]) -> Iterator[tuple[float, str]]:
    """The labelled changes that last long enough to be told."""
    spans = _states(person)
    for before, after in pairwise(spans):
        if before["state"] != after["state"] and after["to"] - after["from"] >= _SEEN_WITHIN_S:
            yield after["from"], after["state"]


def _is_seen(when: float, state: str, ids: set[str], told: Told) -> bool:
    """Whether the verdict says so two seconds later, or did for a moment until then."""
    verdicts = [(came, e) for came, e in told.verdicts if e.person in ids]
    before = [e.state.value for came, e in verdicts if came <= when]
    within = [e.state.value for came, e in verdicts if when < came <= when + _SEEN_WITHIN_S]
    return state in [*before[-1:], *within]


def _is_supported(when: float, episode: Episode, person: dict[str, Any]) -> bool:
    """Whether the label says so at some moment of the two seconds before the verdict."""
    if episode.state is MaskState.UNKNOWN:
        return any(
            span["state"] in ("unknown", "changing") and span["from"] <= when <= span["to"] + 2
            for span in person["states"]
        )
    return any(
        span["state"] in (episode.state.value, "changing", "unknown")
        and span["from"] <= when and span["to"] >= when - _SEEN_WITHIN_S
        for span in person["states"]
    )  # fmt: skip


def _violations(person: dict[str, Any]) -> list[tuple[float, float]]:
    """The spans of violation that last long enough, neighbours joined."""
    spans: list[list[float]] = []
    for span in person["states"]:
        if span["state"] in _VIOLATIONS:
            if spans and span["from"] - spans[-1][1] < 0.3:
                spans[-1][1] = span["to"]
            else:
                spans.append([span["from"], span["to"]])
    return [(begin, end) for begin, end in spans if end - begin >= _LASTING_S + 0.5]


def _is_due(alert: Alert, person: dict[str, Any] | None) -> bool:
    """Whether the person, if anybody labelled, wears no mask well in the seconds before."""
    return person is not None and any(
        span["state"] in (*_VIOLATIONS, "changing")
        and span["from"] <= alert.time and span["to"] >= alert.time - 1
        for span in person["states"]
    )  # fmt: skip


def _sum(rows: list[Row], rate: float) -> Row:
    total: Row = {"clip": "all", "frames/s": rate}
    for name in rows[0]:
        if name not in total:
            total[name] = sum(int(row[name]) for row in rows)
    return total


if __name__ == "__main__":
    typer.run(main)
