"""Frames of many cameras through some detectors: nobody waits for another's."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath

import numpy as np
import pytest

from maskwatch.app.live import eyes as module
from maskwatch.app.live.clock import SystemClock
from maskwatch.app.live.eyes import Eyes
from maskwatch.app.live.post import Post, PostSpec
from maskwatch.app.live.recorder import Recorder
from maskwatch.app.live.watch import Watch, Watched
from maskwatch.app.settings import Settings
from maskwatch.pipeline.rules import RuleSet
from maskwatch.sources.cameras import Glimpse, LiveCamera
from maskwatch.sources.opening import CameraSpec, TimedFrames
from maskwatch.store.eventstore import EventStore
from maskwatch.types import Faces, Frame, Image, Result

PIXELS = np.zeros((8, 8, 3), np.uint8)


def frame(camera: str, index: int = 0) -> Frame:
    return Frame(camera, PurePath(camera), index, image=PIXELS, still=False, live=True)


class SlowForOne:
    """A detector that looks at the camera `stuck` until it is let go."""

    let_go = threading.Event()
    looking = threading.Event()

    def __init__(self, settings: Settings) -> None:
        pass

    def analyse(self, frames: Sequence[Frame]) -> list[Result]:
        if any(frame.path == "broken" for frame in frames):
            raise RuntimeError("a fault")
        if any(frame.path == "stuck" for frame in frames):
            self.looking.set()
            assert self.let_go.wait(20)
        return [Result(frame, Faces.empty()) for frame in frames]


@pytest.fixture
def two_eyes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Eyes]:
    monkeypatch.setattr(module, "MaskDetector", SlowForOne)
    monkeypatch.setattr(module, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    SlowForOne.let_go.clear()
    SlowForOne.looking.clear()
    eyes = Eyes(Settings())
    yield eyes
    SlowForOne.let_go.set()
    eyes.close()


def test_results_come_in_the_order_of_their_frames(two_eyes: Eyes) -> None:
    done = threading.Event()
    frames = [frame("door", index) for index in range(5)]
    results = two_eyes.look(frames, done.set).result(10)
    assert [result.source for result in results] == frames
    assert done.wait(10)
    assert two_eyes.busy_s > 0


def test_who_is_busy_is_not_free(two_eyes: Eyes) -> None:
    assert two_eyes.free == 2
    slow = two_eyes.look([frame("stuck")])
    assert SlowForOne.looking.wait(10)
    assert two_eyes.free == 1
    SlowForOne.let_go.set()
    slow.result(10)
    assert two_eyes.free == 2


def test_the_eye_makes_the_pixels_and_one_that_cannot_be_made_is_in_error(two_eyes: Eyes) -> None:
    def broken() -> Image:
        raise ValueError("no such colours")

    bare = Frame("door", PurePath("door"), still=False, live=True)
    glimpses = [Glimpse(bare, lambda: PIXELS, 0.0), Glimpse(bare, broken, 0.0)]
    good, bad = two_eyes.look(glimpses).result(10)
    assert good.image is PIXELS
    assert (bad.image, bad.error) == (None, "cannot be read: ValueError")


def test_a_fault_is_told_and_the_eye_goes_on(two_eyes: Eyes) -> None:
    for _ in range(3):
        with pytest.raises(RuntimeError, match="a fault"):
            two_eyes.look([frame("broken")]).result(10)
    assert len(two_eyes.look([frame("door")]).result(10)) == 1


def test_a_frame_that_takes_long_holds_up_no_other_camera(two_eyes: Eyes, tmp_path: Path) -> None:
    clock, stop = SystemClock(), threading.Event()
    watched = [
        Watched(CameraSpec(name=name, source=name, rate=30), post(name, clock), lambda _: True)
        for name in ("stuck", "door")
    ]
    with EventStore(str(tmp_path / "events.db")) as store:
        watch = Watch(watched, two_eyes, Recorder(store, lambda: None), (), clock)
        stuck, door = watched
        for one in watched:
            one.camera = LiveCamera(one.spec, watch._arrived, opener=endless, steady=clock.steady)
            one.camera.start()
        runner = threading.Thread(target=watch.run, args=(stop,))
        runner.start()
        assert SlowForOne.looking.wait(10)
        assert until(lambda: door.processed >= 20)
        assert stuck.processed == 0
        SlowForOne.let_go.set()
        assert until(lambda: stuck.processed >= 2)
        stop.set()
        runner.join(10)
    assert not runner.is_alive()


def post(name: str, clock: SystemClock) -> Post:
    return Post(PostSpec(name=name, source=name), RuleSet(), clock, "run")


def endless(spec: CameraSpec) -> TimedFrames:
    tick = threading.Event()
    count = 0
    while True:
        tick.wait(0.01)
        yield count / 100, lambda: PIXELS
        count += 1


def until(what: Callable[[], bool], limit_s: float = 10.0) -> bool:
    tick = threading.Event()
    for _ in range(int(limit_s * 100)):
        if what():
            return True
        tick.wait(0.01)
    return False
