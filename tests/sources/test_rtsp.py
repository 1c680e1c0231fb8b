"""A real RTSP server: GStreamer's, under the system's Python, which has its bindings."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from maskwatch.sources.cameras import LiveCamera
from maskwatch.sources.inputs import spell_out
from maskwatch.sources.opening import CameraSpec
from maskwatch.sources.read import ReadOptions, read_frames

PYTHON = "/usr/bin/python3"
PROBE = "import gi; gi.require_version('GstRtspServer', '1.0')"


def has_gstreamer() -> bool:
    if not Path(PYTHON).exists():
        return False
    return subprocess.run([PYTHON, "-c", PROBE], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(
    not has_gstreamer(), reason="GStreamer's RTSP server is not installed"
)


@contextmanager
def serving(port: int, *size: int) -> Iterator[str]:
    script = Path(__file__).with_name("rtsp_server.py")
    command = [PYTHON, str(script), str(port), *map(str, size)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield f"127.0.0.1:{port}/cam"
        finally:
            process.kill()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def server(port: int) -> Iterator[str]:
    with serving(port) as address:
        yield address


def test_a_camera_with_a_password(server: str) -> None:
    options = ReadOptions(max_seconds=1.5, timeout_s=8.0)
    frames = list(read_frames(spell_out([f"rtsp://me:secret@{server}"]).items, options))
    assert [f.error for f in frames] == [None] * len(frames)
    assert len(frames) >= 5
    assert {f.path for f in frames} == {f"rtsp://me:***@{server}"}
    images = [f.image for f in frames if f.image is not None]
    assert images[0].shape == (240, 320, 3)
    assert any((image != images[0]).any() for image in images), "the ball moves"


def test_a_wrong_password_is_an_error_that_does_not_show_it(server: str) -> None:
    options = ReadOptions(timeout_s=8.0)
    (frame,) = read_frames(spell_out([f"rtsp://me:guess@{server}"]).items, options)
    assert frame.error is not None
    assert "guess" not in frame.error
    assert "rtsp://me:***@" in frame.error


def until(what: Callable[[], bool], limit_s: float = 20.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


def test_a_camera_comes_back_after_its_server_was_restarted_with_another_size(port: int) -> None:
    source = f"rtsp://me:secret@127.0.0.1:{port}/cam"
    spec = CameraSpec(name="gate", source=source, rate=5, timeout_s=2.0)
    camera = LiveCamera(spec, threading.Event())
    sizes: list[tuple[int, ...]] = []

    def sees(size: tuple[int, int]) -> bool:
        taken = camera.take()
        if taken is not None and taken[0].image is not None:
            sizes.append(taken[0].image.shape[:2])
        return bool(sizes) and sizes[-1] == size

    try:
        with serving(port, 320, 240):
            camera.start()
            assert until(lambda: sees((240, 320)))
            assert camera.up
        assert until(lambda: not camera.up)
        assert camera.error is not None
        assert "secret" not in camera.error
        with serving(port, 640, 360):
            assert until(lambda: sees((360, 640)))
            assert camera.up
            assert camera.error is None
    finally:
        camera.stop()
        camera.join(5)
    assert camera.counts.connects >= 2


def test_a_camera_that_was_never_there_is_down_and_says_why(port: int) -> None:
    spec = CameraSpec(name="gate", source=f"rtsp://me:secret@127.0.0.1:{port}/cam", timeout_s=0.5)
    camera = LiveCamera(spec, threading.Event())
    camera.start()
    try:
        assert until(lambda: camera.error is not None)
        assert "rtsp://me:***@" in (camera.error or "")
        assert until(lambda: not camera.up, 3)
    finally:
        camera.stop()
        camera.join(5)
