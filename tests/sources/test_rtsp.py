"""A real RTSP server: GStreamer's, under the system's Python, which has its bindings."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskwatch.sources.inputs import spell_out
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


@pytest.fixture
def server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    script = Path(__file__).with_name("rtsp_server.py")
    command = [PYTHON, str(script), str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield f"127.0.0.1:{port}/cam"
        process.kill()


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
