"""Cameras and streams: whoever is slow sees fewer frames, never older ones."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import PurePath
from typing import Any

import cv2

from maskwatch.errors import SourceError
from maskwatch.images import from_bgr
from maskwatch.sources.address import output_name, redacted
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import decoded, opened
from maskwatch.types import Frame

_PATIENCE_S = 2.0


def newest(frames: Callable[[], Iterator[Frame]], timeout_s: float) -> Iterator[Frame]:
    """The newest frame at each step; frames that nobody took in time are dropped.

    Raises:
        SourceError: nothing came for `timeout_s` seconds, or the source failed.
    """
    slot = _Slot()
    thread = threading.Thread(target=slot.fill, args=(frames,), name="maskwatch-live", daemon=True)
    thread.start()
    try:
        yield from slot.take(timeout_s)
    finally:
        # The thread owns what it reads from and closes it; a stalled one is not waited for.
        slot.close()
        thread.join(timeout=_PATIENCE_S)


class _Slot:
    """Room for one frame; a newer one takes its place."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._error: BaseException | None = None
        self._ended = self._closed = False
        self._changed = threading.Condition()

    def fill(self, frames: Callable[[], Iterator[Frame]]) -> None:
        try:
            for frame in frames():
                with self._changed:
                    if self._closed:
                        return
                    self._frame = frame
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - handed to the consumer whole.
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def take(self, timeout_s: float) -> Iterator[Frame]:
        shown = "the camera"
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: self._frame or self._ended, timeout_s):
                    raise SourceError(f"no picture from {shown} for {timeout_s:g} seconds")
                frame, self._frame = self._frame, None
            if frame is None:
                if self._error is not None:
                    raise self._error
                return
            shown = frame.path
            yield frame

    def close(self) -> None:
        with self._changed:
            self._closed = True


def camera_frames(index: int, timeout_s: float) -> Iterator[Frame]:
    """The newest frames of a camera of this machine.

    Raises:
        SourceError: it is not there, or it stopped.
    """
    return newest(lambda: _read_camera(index), timeout_s)


def _read_camera(index: int) -> Iterator[Frame]:
    capture = open_camera(index)
    try:
        if not capture.isOpened():
            raise SourceError(
                f"there is no camera {index}, or another program holds it; "
                "maskwatch doctor lists the cameras"
            )
        yield from _camera_frames(capture, index)
    finally:
        capture.release()


def open_camera(index: int) -> cv2.VideoCapture:
    """A camera of this machine, opened or not, without OpenCV's own account of it on stderr."""
    logging: Any = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(index)
    finally:
        logging.setLogLevel(level)


def _camera_frames(capture: Any, index: int) -> Iterator[Frame]:
    start = time.monotonic()
    name = PurePath(f"camera{index}")
    for count in itertools.count():
        there, image_bgr = capture.read()
        if not there:
            raise SourceError(f"camera {index} stopped after {count} frames")
        elapsed_s = time.monotonic() - start
        image = from_bgr(image_bgr)
        yield Frame(str(index), name, count, elapsed_s, image, still=False, live=True)


def stream_frames(address: str, timeout_s: float) -> Iterator[Frame]:
    """The frames behind an address: of a live stream the newest, of a file all.

    Raises:
        SourceError: it cannot be reached in time, has no video, or broke off.
    """
    options = {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}
    held = ExitStack()
    container = held.enter_context(opened(address, options, timeout_s))
    shown, name = redacted(address), output_name(address)
    # A stream that knows its length is a file: it can wait for us.
    live = not container.duration or container.duration <= 0

    def frames() -> Iterator[Frame]:
        with held:
            yield from decoded(container, shown, name, Stride(), live=live)

    count = 0
    for frame in newest(frames, timeout_s) if live else frames():
        count += 1
        yield frame
    if not count:
        raise SourceError(f"{shown} has no frame that can be decoded")
