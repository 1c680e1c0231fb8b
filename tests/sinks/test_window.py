import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageGrab

from maskwatch.errors import MissingExtra, SinkError
from maskwatch.images import encode
from maskwatch.sinks.window import WindowSink
from tests.conftest import MakeVideo

RED, GREEN = (250, 10, 10), (10, 250, 10)

pytest.importorskip("pygame")
NEEDS_X = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")),
    reason="Xvfb or xdotool is not installed",
)


@pytest.fixture
def display() -> Iterator[str]:
    """A screen of 1024x768 that nobody sees."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as pipe:
            yield f":{pipe.readline().strip()}"
        server.terminate()


def press(display: str, key: str, colour: tuple[int, int, int]) -> None:
    """Press a key once a picture of that colour is in the middle of the screen."""
    until = time.monotonic() + 60
    while ImageGrab.grab(xdisplay=display).getpixel((512, 384)) != colour:
        assert time.monotonic() < until, "the picture did not show"
        time.sleep(0.1)
    subprocess.run(["xdotool", "key", key], env={**os.environ, "DISPLAY": display}, check=True)


def detect(display: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "maskwatch",
            "detect",
            *words,
            "--show",
            "--detector",
            "haar",
            "--json",
        ],
        env={**os.environ, "DISPLAY": display, "SDL_VIDEODRIVER": "x11"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, colour in (("1.png", RED), ("2.png", GREEN)):
        encode(np.full((200, 300, 3), colour, np.uint8), tmp_path / "in" / name)
    return tmp_path / "in"


@NEEDS_X
@pytest.mark.parametrize("key", ["q", "Escape"])
def test_a_photo_waits_and_quits(display: str, photos: Path, key: str) -> None:
    with detect(display, str(photos)) as process:
        press(display, key, RED)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["pictures"] == 1


@NEEDS_X
def test_any_other_key_goes_on(display: str, photos: Path) -> None:
    with detect(display, str(photos)) as process:
        press(display, "space", RED)
        press(display, "Return", GREEN)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["pictures"] == 2


@NEEDS_X
def test_a_video_passes_without_a_key(display: str, make_video: MakeVideo) -> None:
    with detect(display, str(make_video(count=5))) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["frames"] == 5


def test_without_a_display_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    with pytest.raises(SinkError, match=r"cannot open a window: .*is there a display\?"):
        WindowSink()


def test_without_the_extra_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(MissingExtra, match=r"pip install 'maskwatch\[window\]'"):
        WindowSink()
