"""The watch: newest frames of all cameras through one detector, post by post, until told to stop.

One loop reads no camera, no disk and no network itself: cameras, the recorder and each channel
have threads of their own, so that none of them slows another.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from itertools import islice

from maskwatch.app.live.clock import Clock
from maskwatch.app.live.eyes import Eyes
from maskwatch.app.live.outbox import Outbox
from maskwatch.app.live.post import NOT_WATCHED, Outcome, Post
from maskwatch.app.live.recorder import Recorder
from maskwatch.app.live.snapshots import Snapshots
from maskwatch.errors import SinkError
from maskwatch.events import Alert, AlertKind, Batch, Phase
from maskwatch.pipeline.rules import Sight
from maskwatch.sources.cameras import Glimpse, LiveCamera
from maskwatch.sources.opening import CameraSpec
from maskwatch.types import MaskState, Result

_logger = logging.getLogger(__name__)
OUT_OF_HOURS = "outside its hours"
_TICK_S = 0.2
_HOURS_S = 0.5
_BATCH = 8
"""Frames that one eye looks at together, at most: the first waits for the last."""


@dataclass(slots=True)
class Watched:
    """One camera with its post; `camera` is None outside of its hours.

    At most one of its frames is looked at: they come to its post in their order.
    """

    spec: CameraSpec
    post: Post
    is_open: Callable[[float], bool]
    camera: LiveCamera | None = None
    processed: int = 0
    faces: int = 0
    told: dict[str, int] = field(default_factory=dict)
    passed: dict[MaskState, int] = field(default_factory=lambda: dict.fromkeys(MaskState, 0))
    idle_at_s: float = float("-inf")
    looked_at: bool = False

    @property
    def sight(self) -> Sight:
        """Whether it shows anything."""
        if self.camera is None or (self.camera.ended and self.camera.counts.read):
            return Sight.CLOSED
        if not self.camera.up:
            return Sight.LOST
        return Sight.UP if self.camera.counts.read else Sight.STARTING


@dataclass(frozen=True, slots=True)
class _Look:
    """Frames of some cameras that an eye looks at: whose they are, and when they came."""

    cameras: Sequence[tuple[Watched, float]]
    results: "Future[list[Result]]"


@dataclass(slots=True)
class WatchCounts:
    """What the loop did since the start; `last_turn_s` is on the steady clock."""

    batches: int = 0
    last_turn_s: float = float("-inf")


class Watch:
    """Watches cameras until `stop` is set, or until all of them have ended."""

    def __init__(
        self,
        watched: Sequence[Watched],
        eyes: Eyes,
        recorder: Recorder,
        outboxes: Sequence[Outbox],
        clock: Clock,
        *,
        snapshots: Snapshots | None = None,
        on_outcome: Callable[[Watched, Result | None, Outcome], None] = lambda w, r, o: None,
    ) -> None:
        self.watched = watched
        self.outboxes = outboxes
        self.recorder = recorder
        self.clock = clock
        self.counts = WatchCounts()
        self.eyes = eyes
        self._snapshots = snapshots
        self._on_outcome = on_outcome
        self._arrived = threading.Event()
        self._looks: list[_Look] = []
        self._hours_at_s = float("-inf")

    def run(self, stop: threading.Event, *, drain_s: float = 4.0) -> bool:
        """Watch; return whether all that was seen was stored in time at the end."""
        self.recorder.start()
        for outbox in self.outboxes:
            outbox.start()
        try:
            while not stop.is_set() and self._turn():
                self._arrived.wait(_TICK_S)
                self._arrived.clear()
            wait([look.results for look in self._looks], drain_s / 4)
            self._collect()
        finally:
            stored = self._close(drain_s)
        return stored

    def _turn(self) -> bool:
        """Look at what has come; return False once no camera will ever send more."""
        now_s = self.counts.last_turn_s = self.clock.steady()
        if now_s >= self._hours_at_s:
            # Some hundred turns a second come of a dozen cameras: they need not all ask for it.
            self._hours_at_s = now_s + _HOURS_S
            for watched in self.watched:
                self._open_or_close(watched, now_s)
        self._collect()
        over = all(w.camera is not None and w.camera.ended for w in self.watched)
        handed_out = self._hand_out()
        for watched in self.watched:
            self._rest(watched)
        return not over or handed_out or bool(self._looks)

    def _open_or_close(self, watched: Watched, now_s: float) -> None:
        is_open = watched.is_open(self.clock.wall(now_s))
        if is_open and watched.camera is None:
            watched.camera = LiveCamera(watched.spec, self._arrived, steady=self.clock.steady)
            watched.camera.start()
        elif not is_open and watched.camera is not None:
            watched.camera.stop()
            watched.camera = None

    def _hand_out(self) -> bool:
        """Give what has come to the eyes that are free; return whether there was anything.

        What is not handed out stays with its camera, where a newer frame may take its place.
        """
        free = self.eyes.free
        fresh = list(islice(self._fresh(), free * _BATCH))
        size = -(-len(fresh) // max(free, 1))
        for start in range(0, len(fresh), max(size, 1)):
            share = fresh[start : start + size]
            results = self.eyes.look([glimpse for _, glimpse in share], self._arrived.set)
            cameras = [(watched, glimpse.at_s) for watched, glimpse in share]
            self._looks.append(_Look(cameras, results))
            self.counts.batches += 1
        return bool(fresh)

    def _fresh(self) -> Iterator[tuple[Watched, Glimpse]]:
        """Frames that nobody looks at yet, first of the camera that has waited longest."""
        for watched in sorted(self.watched, key=lambda one: one.idle_at_s):
            if watched.camera is None or watched.looked_at:
                continue
            glimpse = watched.camera.glance()
            if glimpse is not None:
                watched.looked_at = True
                yield watched, glimpse

    def _collect(self) -> None:
        """Take what the eyes have seen to the posts."""
        looks, self._looks = self._looks, []
        for look in looks:
            if look.results.done():
                self._take(look.cameras, look.results.result())
            else:
                self._looks.append(look)

    def _take(self, cameras: Sequence[tuple[Watched, float]], results: Sequence[Result]) -> None:
        for (watched, arrived_s), result in zip(cameras, results, strict=True):
            watched.looked_at = False
            watched.processed += 1
            watched.faces += len(result.faces)
            # Where it had to wait long, its silence was told of meanwhile.
            at_s = watched.idle_at_s = max(arrived_s, watched.idle_at_s)
            try:
                self._remember(watched, result, watched.post.take(result, at_s))
            except Exception:  # What is wrong with one frame must not end the watch.
                _logger.exception("camera %s: a frame was left out", watched.spec.name)

    def _rest(self, watched: Watched) -> None:
        """A camera without frames still has people who leave, and rules about its silence."""
        now_s = self.clock.steady()
        if watched.looked_at or now_s - watched.idle_at_s < 2 * _TICK_S + 1 / watched.spec.rate:
            return
        watched.idle_at_s = now_s
        sight = watched.sight
        camera = watched.camera
        error = OUT_OF_HOURS if camera is None else camera.error
        outcome = watched.post.idle(
            now_s,
            sight,
            lost_since_s=None if camera is None else camera.silent_since_s,
            error=None if sight is Sight.UP else error,
        )
        self._remember(watched, None, outcome)

    def _remember(self, watched: Watched, result: Result | None, outcome: Outcome) -> None:
        batch = outcome.batch
        if result is not None and self._snapshots is not None and batch.alerts:
            batch = replace(batch, alerts=tuple(self._pictured(result, outcome)))
        for alert, _ in batch.alerts:
            if alert.phase is Phase.NEW:
                watched.told[alert.kind.value] = watched.told.get(alert.kind.value, 0) + 1
        for visit in outcome.visits:
            watched.passed[visit.state] += 1
        _log(batch)
        self.recorder.put(batch)
        self._on_outcome(watched, result, outcome)

    def _pictured(
        self, result: Result, outcome: Outcome
    ) -> Iterable[tuple[Alert, tuple[str, ...]]]:
        for alert, channels in outcome.batch.alerts:
            path = None
            if (
                self._snapshots is not None
                and alert.kind is AlertKind.VIOLATION
                and alert.phase is Phase.NEW
            ):
                try:
                    path = self._snapshots.save(result, outcome.faces, alert)
                except SinkError as error:
                    _logger.warning("%s", error)
            yield replace(alert, snapshot=None if path is None else str(path)), channels

    def _close(self, drain_s: float) -> bool:
        """End everything within the time: what is not told by then is told by the next run."""
        end_s = self.clock.steady() + drain_s
        for watched in self.watched:
            if watched.camera is not None:
                watched.camera.stop()
            self._remember(watched, None, watched.post.close(self.clock.steady()))
        stored = self.recorder.close(drain_s / 2)
        for outbox in self.outboxes:
            outbox.ask_to_stop()
        for outbox in self.outboxes:
            outbox.join(max(0.0, end_s - self.clock.steady()))
        return stored


def _log(batch: Batch) -> None:
    for alert, _ in batch.alerts:
        _logger.info("alert %s %s: %s", alert.phase.value, alert.rule, alert.sentence)
    for camera in batch.cameras:
        if camera.up:
            _logger.info("camera %s is up", camera.name)
        else:
            expected = camera.error in (NOT_WATCHED, OUT_OF_HOURS)
            level = logging.INFO if expected else logging.WARNING
            _logger.log(level, "camera %s is down: %s", camera.name, camera.error)
