"""Hours of footage at speed: does memory grow, is an event lost?"""

import time
from collections.abc import Iterator
from itertools import chain, cycle
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

import numpy as np

from kit.jitter import jittered
from kit.report import Row
from kit.soak.audit import told_in
from kit.soak.site import CLIPS, NAMES, resident_mib, write_site
from maskwatch.alerts.open import open_channel
from maskwatch.app.live.build import post_of
from maskwatch.app.live.eyes import Eyes
from maskwatch.app.live.outbox import Outbox
from maskwatch.app.live.post import Outcome
from maskwatch.app.live.recorder import Recorder
from maskwatch.app.live.replay import FootageClock
from maskwatch.app.site.load import load_site
from maskwatch.pipeline.groups import groups
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import video_frames
from maskwatch.store.eventstore import EventStore
from maskwatch.types import Frame

_PAUSE_S = 5.0
_GROUP = 16
_PART_S = 900


class _Seen:
    """What came about, counted before anybody stores or tells it."""

    def __init__(self) -> None:
        self.episodes: set[str] = set()
        self.alerts = self.people = self.frames = 0

    def add(self, outcome: Outcome) -> None:
        self.episodes |= {episode.id for episode in outcome.batch.episodes}
        self.alerts += len(outcome.alerts)
        self.people += len(outcome.visits)


def hours_at_speed(hours: float, rate: float) -> Row:
    """Play so many hours at `rate` frames a simulated second; compare what came out at each end."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        site = load_site(write_site(folder))
        clock = FootageClock(start=time.time())
        store = EventStore(site.storage.events)
        (options,) = site.channels
        outbox = Outbox("log", open_channel(options), store, now=lambda: clock.wall(clock.steady()))
        recorder = Recorder(store, outbox.wake.set)
        post = post_of(site, site.cameras[0], clock, "soak")
        eyes = Eyes(site.settings)
        recorder.start()
        outbox.start()
        begun, seen, memory = time.monotonic(), _Seen(), dict[int, float]()
        for group in groups(_frames(rate, hours * 3600), _GROUP):
            half = len(group) // 2
            looks = [eyes.look(part) for part in (group[:half], group[half:])]
            for result in chain.from_iterable(look.result() for look in looks):
                clock.now_s = result.time
                outcome = post.take(result, result.time)
                recorder.put(outcome.batch)
                seen.add(outcome)
                seen.frames += 1
            memory[int(clock.now_s // _PART_S)] = resident_mib()
        last = post.close(clock.now_s)
        recorder.put(last.batch)
        seen.add(last)
        recorder.close(60)
        outbox.ask_to_stop()
        outbox.join(60)
        eyes.close()
        kept = _kept(store, folder)
        store.close()
    early = memory[min(3600 // _PART_S, max(memory))]
    return {
        "simulated h": hours, "frames": seen.frames, "seconds": time.monotonic() - begun,
        "episodes": len(seen.episodes), "stored": kept["episodes"], "alerts": seen.alerts,
        "told": kept["told"], "people": seen.people, "people stored": kept["people"],
        "MiB after 1 h": early, "MiB at the end": memory[max(memory)],
        "growth": memory[max(memory)] / early - 1, "database MB": kept["MB"],
    }  # fmt: skip


def _kept(store: EventStore, folder: Path) -> Row:
    return {
        "episodes": sum(1 for _ in store.episodes()),
        "told": len(told_in(folder / "alerts.jsonl")),
        "people": sum(minute.people for minute in store.minutes()),
        "MB": store.size_bytes() / 1e6,
    }


def _frames(rate: float, end_s: float) -> Iterator[Frame]:
    """The clips in turn, each frame a little otherwise, with pauses without frames between."""
    rng = np.random.default_rng(0)
    offset_s, index = 0.0, 0
    for name in cycle(NAMES):
        last_s = 0.0
        for frame in video_frames(str(CLIPS / name), PurePath(name), Stride(seconds=1 / rate)):
            last_s = frame.time
            if frame.image is None:
                continue
            if offset_s + last_s >= end_s:
                return
            index += 1
            image = jittered(frame.image, rng)
            yield Frame(name, PurePath(name), index, offset_s + last_s, image, still=False)
        offset_s += last_s + _PAUSE_S
