import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from maskwatch.errors import SourceError
from maskwatch.sources.cameras import LiveCamera
from maskwatch.sources.opening import CameraSpec, TimedFrames, open_frames
from maskwatch.types import Image
from tests.conftest import MakeVideo

PIXELS = np.zeros((4, 6, 3), np.uint8)


def until(what: Callable[[], bool], limit_s: float = 10.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False


class Started:
    """A camera that runs within a block."""

    def __init__(self, spec: CameraSpec, **more: object) -> None:
        self.arrived = threading.Event()
        self.camera = LiveCamera(spec, self.arrived, **more)  # type: ignore[arg-type]

    def __enter__(self) -> LiveCamera:
        self.camera.start()
        return self.camera

    def __exit__(self, *_: object) -> None:
        self.camera.stop()
        self.camera.join(5)


def test_a_file_is_played_at_its_own_pace_and_then_has_ended(make_video: MakeVideo) -> None:
    spec = CameraSpec(name="door", source=str(make_video(count=25)), rate=5)
    begun = time.monotonic()
    times = []
    with Started(spec) as camera:
        while not camera.ended:
            taken = camera.take()
            if taken is not None:
                times.append(taken[0].time)
            time.sleep(0.005)
    # A loaded machine may take longer, but nothing makes a second shorter.
    assert time.monotonic() - begun >= 0.9
    assert camera.counts.read == 25
    assert 3 <= len(times) <= 6
    assert times == sorted(times)
    assert camera.error == "it has ended"
    assert not camera.up


@contextmanager
def served(path: Path, *, with_length: bool = True, part: float = 1.0) -> Iterator[str]:
    """The address of a file, sent as a file, or as a stream of which nobody knows the length."""

    class Sending(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = path.read_bytes()
            self.send_response(200)
            if with_length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: round(len(content) * part)])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sending) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{path.name}"
        server.shutdown()


def test_a_film_behind_an_address_ends_as_a_file_does(make_video: MakeVideo) -> None:
    with served(make_video(count=25)) as address:
        begun = time.monotonic()
        with Started(CameraSpec(name="door", source=address)) as camera:
            assert until(lambda: camera.ended)
        assert time.monotonic() - begun >= 0.9, "at its own pace"
    assert (camera.counts.read, camera.counts.connects) == (25, 1)
    assert camera.error == "it has ended"


def test_a_film_behind_an_address_may_begin_again(make_video: MakeVideo) -> None:
    with served(make_video(count=5)) as address:
        spec = CameraSpec(name="door", source=address, loop=True)
        with Started(spec) as camera:
            assert until(lambda: camera.counts.connects >= 2)
            assert not camera.ended


def test_a_film_that_breaks_off_on_its_way_is_opened_again(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    with (
        served(with_its_index_first(make_video(count=50), tmp_path), part=0.9) as address,
        Started(CameraSpec(name="door", source=address)) as camera,
    ):
        assert until(lambda: camera.counts.connects >= 2)
        assert not camera.ended
        assert camera.counts.read > 0


def test_a_stream_that_stops_is_opened_again(make_video: MakeVideo, tmp_path: Path) -> None:
    with (
        served(as_transport_stream(make_video(count=10), tmp_path), with_length=False) as address,
        Started(CameraSpec(name="door", source=address)) as camera,
    ):
        assert until(lambda: camera.counts.connects >= 2)
        assert not camera.ended


def as_transport_stream(video: Path, folder: Path) -> Path:
    return copied(video, folder / "stream.ts")


def with_its_index_first(video: Path, folder: Path) -> Path:
    return copied(video, folder / "film.mp4", movflags="faststart")


def copied(video: Path, path: Path, **options: str) -> Path:
    with av.open(str(video)) as given, av.open(str(path), "w", options=options) as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    return path


def test_a_file_in_a_loop_goes_on_with_its_time(make_video: MakeVideo) -> None:
    spec = CameraSpec(name="door", source=str(make_video(count=5)), rate=30, loop=True)
    frames = open_frames(spec)
    times = [next(frames)[0] for _ in range(12)]
    frames.close()
    np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-6)


def test_who_is_slow_gets_the_newest_frame_and_the_rest_count_as_dropped() -> None:
    def opener(spec: CameraSpec) -> TimedFrames:
        for count in range(50):
            yield count / 100, lambda: PIXELS
            time.sleep(0.01)
        hold.wait(5)

    hold = threading.Event()
    with Started(CameraSpec(name="door", source="0", rate=30), opener=opener) as camera:
        assert until(lambda: camera.counts.read == 50)
        taken = camera.take()
        hold.set()
    assert taken is not None
    assert taken[0].time >= 0.4
    assert camera.take() is None or camera.counts.connects > 1
    assert camera.counts.dropped >= camera.counts.chosen - 2


def counting(
    frames: int, made: list[int], hold: threading.Event
) -> Callable[[CameraSpec], TimedFrames]:
    """A camera of a second's frames, a hundredth apart, that notes which were made into pixels."""

    def pixels(count: int) -> Image:
        made.append(count)
        return PIXELS

    def opener(spec: CameraSpec) -> TimedFrames:
        for count in range(frames):
            yield count / frames, partial(pixels, count)
            time.sleep(0.01)
        hold.wait(5)

    return opener


def test_only_frames_that_are_looked_at_are_converted() -> None:
    made, hold = list[int](), threading.Event()
    opener = counting(40, made, hold)
    with Started(CameraSpec(name="door", source="0", rate=5), opener=opener) as camera:
        assert until(lambda: camera.counts.read == 40)
        hold.set()
    assert len(made) <= camera.counts.read / 2


def test_frames_that_nobody_takes_are_never_made_into_pixels() -> None:
    made, hold = list[int](), threading.Event()
    opener = counting(30, made, hold)
    spec = CameraSpec(name="door", source="rtsp://h/s", rate=30)
    with Started(spec, opener=opener) as camera:
        assert until(lambda: camera.counts.read == 30)
        assert camera.counts.chosen > 2
        assert len(made) == 1, "the first tells whether they can be made at all"
        assert camera.take() is not None
        assert len(made) == 2
        hold.set()


def test_pixels_can_be_made_after_the_file_is_closed(make_video: MakeVideo) -> None:
    spec = CameraSpec(name="door", source=str(make_video(count=25)), rate=5)
    with Started(spec) as camera:
        assert until(lambda: camera.ended, 20)
        glimpse = camera.glance()
    assert glimpse is not None
    assert glimpse.frame.image is None
    image = glimpse.developed().image
    assert image is not None
    assert image.shape == (64, 96, 3)
    assert image.mean() == pytest.approx(2 * glimpse.frame.index, abs=4)


def test_a_source_that_breaks_is_opened_again() -> None:
    opened = []

    def opener(spec: CameraSpec) -> TimedFrames:
        opened.append(time.monotonic())
        yield 0.0, lambda: PIXELS
        raise SourceError("the cable was pulled")

    with Started(CameraSpec(name="door", source="rtsp://u:pw@h/s"), opener=opener) as camera:
        assert until(lambda: len(opened) >= 3)
        assert until(lambda: camera.error == "the cable was pulled")
    waits = np.diff(opened)
    assert waits[0] >= 0.35
    assert waits[1] > waits[0] / 1.4, "the waits grow"
    assert camera.spec.shown == "rtsp://u:***@h/s"


def test_one_that_stalls_is_down() -> None:
    def opener(spec: CameraSpec) -> TimedFrames:
        yield 0.0, lambda: PIXELS
        hold.wait(10)

    hold = threading.Event()
    spec = CameraSpec(name="door", source="0", timeout_s=0.3)
    with Started(spec, opener=opener) as camera:
        assert until(lambda: camera.take() is not None)
        assert camera.up
        assert until(lambda: not camera.up, 3)
        hold.set()


def test_a_file_that_is_not_there_says_so() -> None:
    with pytest.raises(SourceError, match="there is no file nowhere.mp4"):
        next(open_frames(CameraSpec(name="door", source="nowhere.mp4")))


def test_fewer_frames_can_be_decoded(make_video: MakeVideo) -> None:
    path = make_video(count=60)
    counts = {}
    for decode in ("all", "key"):
        camera_spec = CameraSpec(name="door", source=str(path), decode=decode)
        counts[decode] = sum(1 for _ in open_frames(camera_spec))
    assert counts["all"] == 60
    assert 0 < counts["key"] < 60


def test_a_drivers_fault_does_not_end_the_camera() -> None:
    opened = []

    def opener(spec: CameraSpec) -> TimedFrames:
        opened.append(1)
        yield 0.0, lambda: PIXELS
        raise RuntimeError("an assertion in a driver")

    with Started(CameraSpec(name="door", source="0"), opener=opener) as camera:
        assert until(lambda: len(opened) >= 2)
        assert until(lambda: "RuntimeError" in (camera.error or ""))


def test_a_missing_file_is_not_tried_again() -> None:
    with Started(CameraSpec(name="door", source="nowhere.mp4", loop=True)) as camera:
        assert until(lambda: camera.ended)
        assert camera.error == "there is no file nowhere.mp4"
        assert camera.counts.connects == 1
