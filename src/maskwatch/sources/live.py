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
from maskwatch.sources.address import redacted
from maskwatch.sources.slot import Slot
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import decoded, opened
from maskwatch.types import Frame

_PATIENCE_S = 2.0


def newest(frames: Callable[[], Iterator[Frame]], timeout_s: float) -> Iterator[Frame]:
    """The newest frame at each step; frames that nobody took in time are dropped.

    Raises:
        SourceError: nothing came for `timeout_s` seconds, or the source failed.
    """
    slot = Slot[Frame](threading.Event())
    reader = _Reader(frames, slot)
    reader.start()
    try:
        yield from _taken(slot, reader, timeout_s)
    finally:
        # The thread owns what it reads from and closes it; a stalled one is not waited for.
        reader.stopped = True
        reader.join(timeout=_PATIENCE_S)


class _Reader(threading.Thread):
    """Reads into a slot until the frames end, or it is `stopped`; `error` is what ended them."""

    def __init__(self, frames: Callable[[], Iterator[Frame]], slot: Slot[Frame]) -> None:
        super().__init__(name="maskwatch-live", daemon=True)
        self.error: BaseException | None = None
        self.ended = self.stopped = False
        self._frames, self._slot = frames, slot

    def run(self) -> None:
        try:
            for frame in self._frames():
                if self.stopped:
                    return
                self._slot.put(frame)
        except BaseException as error:  # noqa: BLE001 - handed to the consumer whole.
            self.error = error
        finally:
            self.ended = True
            self._slot.arrived.set()


def _taken(slot: Slot[Frame], reader: _Reader, timeout_s: float) -> Iterator[Frame]:
    shown = "the camera"
    while True:
        came = reader.ended or slot.arrived.wait(timeout_s)
        slot.arrived.clear()
        # Asked before the last frame is taken, so that none can come in between.
        ended, frame = reader.ended, slot.take()
        if frame is not None:
            shown = frame.path
            yield frame
        elif ended:
            if reader.error is not None:
                raise reader.error
            return
        elif not came:
            raise SourceError(f"no picture from {shown} for {timeout_s:g} seconds")


def camera_frames(index: int, name: PurePath, timeout_s: float) -> Iterator[Frame]:
    """The newest frames of a camera of this machine.

    Raises:
        SourceError: it is not there, or it stopped.
    """
    return newest(lambda: _read_camera(index, name), timeout_s)


def _read_camera(index: int, name: PurePath) -> Iterator[Frame]:
    capture = open_camera(index)
    try:
        if not capture.isOpened():
            raise SourceError(
                f"there is no camera {index}, or another program holds it; "
                "maskwatch doctor lists the cameras"
            )
        yield from _camera_frames(capture, index, name)
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


def _camera_frames(capture: Any, index: int, name: PurePath) -> Iterator[Frame]:
    start = time.monotonic()
    for count in itertools.count():
        there, image_bgr = capture.read()
        if not there:
            raise SourceError(f"camera {index} stopped after {count} frames")
        elapsed_s = time.monotonic() - start
        image = from_bgr(image_bgr)
        yield Frame(str(index), name, count, elapsed_s, image, still=False, live=True)


def stream_frames(address: str, name: PurePath, timeout_s: float) -> Iterator[Frame]:
    """The frames behind an address: of a live stream the newest, of a file all.

    Raises:
        SourceError: it cannot be reached in time, has no video, or broke off.
    """
    options = {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}
    held = ExitStack()
    container = held.enter_context(opened(address, options, timeout_s))
    shown = redacted(address)
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
