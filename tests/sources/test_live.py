import http.server
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePath

import av
import numpy as np
import pytest

from maskwatch.errors import SourceError
from maskwatch.sources.inputs import spell_out
from maskwatch.sources.live import camera_frames, newest, stream_frames
from maskwatch.sources.read import ReadOptions, read_frames
from maskwatch.sources.stride import Stride
from maskwatch.types import Frame


def frame(i: int) -> Frame:
    return Frame("cam", PurePath("cam"), i, live=True, still=False)


def test_a_slow_consumer_gets_the_newest_frame() -> None:
    def fast() -> Iterator[Frame]:
        for i in range(50):
            time.sleep(0.01)
            yield frame(i)

    seen = []
    for item in newest(fast, timeout_s=2):
        seen.append(item.index)
        time.sleep(0.1)
    assert seen == sorted(set(seen))
    assert seen[-1] == 49
    assert len(seen) < 15


def test_a_source_that_falls_silent_is_an_error() -> None:
    def stalls() -> Iterator[Frame]:
        yield frame(0)
        time.sleep(1)

    frames = newest(stalls, timeout_s=0.2)
    assert next(frames).index == 0
    with pytest.raises(SourceError, match=r"no picture from cam for 0.2 seconds"):
        next(frames)


def test_an_error_of_the_source_surfaces() -> None:
    def breaks() -> Iterator[Frame]:
        yield frame(0)
        raise SourceError("the cable is out")

    with pytest.raises(SourceError, match="the cable is out"):
        list(newest(breaks, timeout_s=1))


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(SourceError, match="there is no camera 93"):
        next(camera_frames(93, PurePath("camera93"), 1.0))


def test_a_missing_camera_prints_nothing_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError):
        next(camera_frames(93, PurePath("camera93"), 1.0))
    assert capfd.readouterr().err == ""


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_an_address_that_never_answers_times_out_without_its_password(silent_port: int) -> None:
    begun = time.monotonic()
    with pytest.raises(SourceError) as caught:
        next(stream_frames(f"rtsp://me:secret@127.0.0.1:{silent_port}/x", PurePath("x"), 0.5))
    assert time.monotonic() - begun < 5
    assert "rtsp://me:***@127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_address_that_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match="cannot open http://127.0.0.1:.* as a stream: "):
        next(stream_frames(f"http://127.0.0.1:{port}/v.mp4", PurePath("v"), 2.0))


class Camera(http.server.BaseHTTPRequestHandler):
    """An endless MPEG-TS at the pace of a camera, for whoever asks."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        with suppress(OSError, av.FFmpegError), av.open(self.wfile, "w", format="mpegts") as out:
            video = out.add_stream("mpeg2video", rate=25)
            video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
            for i in itertools.count():
                grey = np.full((64, 96, 3), i % 250, np.uint8)
                out.mux(video.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
                time.sleep(0.04)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def live_stream() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://me:secret@127.0.0.1:{server.server_port}/live"
        server.shutdown()


def test_a_live_stream_until_the_time_is_up(live_stream: str) -> None:
    options = ReadOptions(max_seconds=1.0, timeout_s=5.0)
    frames = list(read_frames(spell_out([live_stream]).items, options))
    assert [f.error for f in frames] == [None] * len(frames)
    assert len(frames) >= 3
    assert all(f.live and not f.still for f in frames)
    assert frames[-1].time < 1.0


def test_a_stride_longer_than_the_time_out(live_stream: str) -> None:
    options = ReadOptions(stride=Stride.parse("1500ms"), max_seconds=2.5, timeout_s=1.0)
    frames = list(read_frames(spell_out([live_stream]).items, options))
    assert [f.error for f in frames] == [None, None]
