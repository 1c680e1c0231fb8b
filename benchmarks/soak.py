"""Hours of watching in minutes, and thirty kills: does anything grow, is anything lost?

`--hours 8` (the default) plays the clips one after the other on a clock of their own, as fast as
the machine can, through everything that a watch does: finding, judging, people, rules, the
recorder with its database, the outbox with a channel. Of each round the frames are shifted and
brightened a little. Told and stored are compared with what came about; memory is the resident set
after the first simulated hour and at the end. Goals: growth under 5%, nothing lost.

`--kills 30` starts `maskwatch watch` on looped clips and kills it after a random while. Each alert
and episode that the database held before a kill must be there after it; each alert must have been
told, and not more often than once more for each kill.

    scripts/bench soak
    scripts/bench soak --hours 0 --kills 30
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from kit.jitter import jittered
from kit.report import ROOT, Row, save, show

from maskwatch.alerts.open import open_channel
from maskwatch.app.live.build import post_of
from maskwatch.app.live.eyes import Eyes
from maskwatch.app.live.outbox import Outbox
from maskwatch.app.live.recorder import Recorder
from maskwatch.app.live.replay import FootageClock
from maskwatch.app.site.load import load_site
from maskwatch.pipeline.groups import groups
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import video_frames
from maskwatch.store.eventstore import EventStore
from maskwatch.types import Frame

CLIPS = ROOT.parent / "shared" / "clips"
_NAMES = ("four-people-putting-masks-on.mp4", "man-bare.mp4", "street.mp4", "woman-masked.mp4")
_PAUSE_S = 5.0
_GROUP = 16


def main(
    hours: Annotated[float, typer.Option(min=0, help="Simulated; 0 leaves them out.")] = 8.0,
    rate: Annotated[float, typer.Option(min=1, help="Frames a simulated second.")] = 2.0,
    kills: Annotated[int, typer.Option(min=0, help="0 leaves them out.")] = 30,
) -> None:
    """Measure, show, keep."""
    if hours:
        row = _hours(hours, rate)
        show("hours at speed", [row])
        save("soak_hours", [row])
    if kills:
        row = _kills(kills)
        show("kills", [row])
        save("soak_kills", [row])


def _site(folder: Path, more: str = "") -> Path:
    path = folder / "site.toml"
    cameras = "".join(
        f'[[camera]]\nname = "c{n}"\nsource = "{CLIPS / name}"\nloop = true\n'
        for n, name in enumerate(_NAMES[:2])
    )
    path.write_text(
        f"""{cameras}
        [[rule]]
        name = "bare"
        when = "violation"
        lasting = "1s"
        cooldown_person = "5s"
        [[rule]]
        name = "rate"
        when = "compliance"
        at_least = 5
        [[channel]]
        name = "log"
        type = "log"
        path = "alerts.jsonl"
        phases = ["new", "update", "end"]
        [storage]
        events = "sqlite:///events.db"
        {more}""",
        encoding="utf-8",
    )
    return path


def _hours(hours: float, rate: float) -> Row:
    with TemporaryDirectory() as folder:
        site = load_site(_site(Path(folder)))
        clock = FootageClock(start=time.time())
        store = EventStore(site.storage.events)
        (options,) = site.channels
        outbox = Outbox("log", open_channel(options), store, now=lambda: clock.wall(clock.steady()))
        recorder = Recorder(store, outbox.wake.set)
        post = post_of(site, site.cameras[0], clock, "soak")
        eyes = Eyes(site.settings)
        recorder.start()
        outbox.start()
        begun, end_s = time.monotonic(), hours * 3600
        episodes: set[str] = set()
        alerts = frames = people = 0
        memory: dict[int, float] = {}
        for group in groups(_frames(rate, end_s), _GROUP):
            for result in eyes.analyse(group):
                clock.now_s = result.time
                outcome = post.take(result, result.time)
                recorder.put(outcome.batch)
                episodes |= {episode.id for episode in outcome.batch.episodes}
                alerts += len(outcome.alerts)
                people += len(outcome.visits)
                frames += 1
            memory[int(clock.now_s // 900)] = _resident_mib()
        last = post.close(clock.now_s)
        recorder.put(last.batch)
        episodes |= {episode.id for episode in last.batch.episodes}
        alerts += len(last.alerts)
        people += len(last.visits)
        recorder.close(60)
        outbox.ask_to_stop()
        outbox.join(60)
        eyes.close()
        stored = sum(1 for _ in store.episodes())
        told = len((Path(folder) / "alerts.jsonl").read_text("utf-8").splitlines())
        counted = sum(minute.people for minute in store.minutes())
        size = store.size_bytes()
        store.close()
    early = memory[min(4, max(memory))]
    return {
        "simulated h": hours, "frames": frames, "seconds": time.monotonic() - begun,
        "episodes": len(episodes), "stored": stored, "alerts": alerts, "told": told,
        "people": people, "people stored": counted, "MiB after 1 h": early,
        "MiB at the end": memory[max(memory)],
        "growth": memory[max(memory)] / early - 1, "database MB": size / 1e6,
    }  # fmt: skip


def _frames(rate: float, end_s: float) -> Iterator[Frame]:
    """The clips in turn, each frame a little otherwise, with pauses without frames between."""
    rng = np.random.default_rng(0)
    offset_s, index = 0.0, 0
    for name in cycle(_NAMES):
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


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def _kills(kills: int) -> Row:
    rng = random.Random(0)
    lost = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        site = _site(folder)
        seen_alerts: set[tuple[str, int]] = set()
        seen_episodes: set[str] = set()
        for number in range(kills):
            with subprocess.Popen(
                [sys.executable, "-m", "maskwatch", "watch", str(site), "--plain"],
                stderr=subprocess.DEVNULL,
            ) as process:
                time.sleep(rng.uniform(2.5, 6.0))
                process.kill()
            alerts, episodes = _stored(folder)
            lost += len(seen_alerts - alerts) + len(seen_episodes - episodes)
            seen_alerts, seen_episodes = alerts, episodes
            print(f"kill {number + 1}: {len(alerts)} alerts, {len(episodes)} episodes stored")
        with subprocess.Popen(
            [sys.executable, "-m", "maskwatch", "watch", str(site), "--plain"],
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(8)
            process.terminate()
            begun = time.monotonic()
            process.wait(30)
            drained_s = time.monotonic() - begun
        alerts, _ = _stored(folder)
        lines = [json.loads(line) for line in (folder / "alerts.jsonl").read_text().splitlines()]
        told = [(line["id"], line["number"]) for line in lines]
        with EventStore(f"sqlite:///{folder / 'events.db'}", create=False) as store:
            waiting = sum(one.pending + one.failed for one in store.outbox.waiting())
            open_ = sum(episode.end is None for episode in store.episodes())
    return {
        "kills": kills, "events lost": lost, "alerts stored": len(alerts),
        "never told": len(alerts - set(told)), "told twice": len(told) - len(set(told)),
        "still waiting": waiting, "episodes left open": open_, "SIGTERM took s": drained_s,
    }  # fmt: skip


def _stored(folder: Path) -> tuple[set[tuple[str, int]], set[str]]:
    with EventStore(f"sqlite:///{folder / 'events.db'}", create=False) as store:
        return (
            {(alert.id, alert.number) for alert in store.alerts()},
            {episode.id for episode in store.episodes()},
        )


if __name__ == "__main__":
    typer.run(main)
