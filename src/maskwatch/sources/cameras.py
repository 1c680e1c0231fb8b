"""Cameras that are watched for days: each in a thread of its own, opened again when it breaks.

A camera keeps only its newest frame, at most `rate` of them a second; a dead one waits longer and
longer between its attempts, and slows no other.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import PurePath

from maskwatch.errors import MaskwatchError
from maskwatch.sources.opening import CameraSpec, TimedFrames, open_frames
from maskwatch.sources.slot import Slot
from maskwatch.types import Frame, Image

_logger = logging.getLogger(__name__)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_STEADY_S = 10.0
"""A camera that sent pictures for so long starts anew with short waits."""


@dataclass(slots=True)
class CameraCounts:
    """Frames since the start: `read` were decoded, `dropped` were chosen but never taken."""

    read: int = 0
    chosen: int = 0
    dropped: int = 0
    connects: int = 0


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A frame that came at a steady time, before its pixels are made: many are never looked at."""

    frame: Frame
    pixels: Callable[[], Image]
    at_s: float

    def developed(self) -> Frame:
        """The frame with its pixels; takes its time, and any thread may ask."""
        return replace(self.frame, image=self.pixels())


class LiveCamera:
    """One camera; start it, take its newest frames, stop it."""

    def __init__(
        self,
        spec: CameraSpec,
        arrived: threading.Event,
        *,
        opener: Callable[[CameraSpec], TimedFrames] = open_frames,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self.counts = CameraCounts()
        self.error: str | None = None
        self.ended = False
        self._opener = opener
        self._steady = steady
        self._slot = Slot[Glimpse](arrived)
        self._stopped = threading.Event()
        self._last_s: float | None = None
        self._started_s = steady()
        self._thread = threading.Thread(target=self._run, name=f"camera {spec.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._started_s = self._steady()
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it closes what it opened."""
        self._stopped.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, but not for one that hangs in a driver."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def take(self) -> tuple[Frame, float] | None:
        """The newest frame that was not taken yet, and the steady time at which it came."""
        glimpse = self.glance()
        return None if glimpse is None else (glimpse.developed(), glimpse.at_s)

    def glance(self) -> Glimpse | None:
        """The same at once, its pixels for whoever looks at them to make."""
        return self._slot.take()

    @property
    def silent_since_s(self) -> float:
        """When its last frame came, on the steady clock; its start, where none has come."""
        return self._started_s if self._last_s is None else self._last_s

    @property
    def up(self) -> bool:
        """Whether frames come; a camera that is starting has its time-out to send one."""
        return not self.ended and self._steady() - self.silent_since_s <= self.spec.timeout_s

    def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stopped.is_set():
            begun_s = self._steady()
            try:
                self.ended = self._read() and not self.spec.loop
                self.error = "it has ended" if self.ended else "the stream ended"
            except MaskwatchError as error:
                self.error = str(error)
                # A file that is missing or broken stays so.
                self.ended = self.spec.is_file
            except Exception as error:  # A driver's fault must not end the camera for good.
                _logger.exception("camera %s failed in an unforeseen way", self.spec.name)
                self.error = f"failed in an unforeseen way: {type(error).__name__}"
            if self.ended:
                self._slot.arrived.set()
                return
            if self.silent_since_s - begun_s >= _STEADY_S:
                wait_s = _FIRST_WAIT_S
            # All cameras of a switch that was restarted must not come back in the same moment.
            self._stopped.wait(wait_s * random.uniform(0.75, 1.25))
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _read(self) -> bool:
        """Keep the newest frame of each step; return whether there is nothing more to come."""
        self.counts.connects += 1
        next_s: float | None = None
        first = True
        step_s = 1 / self.spec.rate
        name, shown = PurePath(self.spec.name), self.spec.shown
        with closing(self._opener(self.spec)) as frames:
            while not self._stopped.is_set():
                try:
                    time_s, pixels = next(frames)
                except StopIteration as end:
                    return bool(end.value)
                now_s = self._steady()
                self.counts.read += 1
                self._last_s, self.error = now_s, None
                # A little early rather than a whole frame late.
                if next_s is not None and now_s < next_s - step_s / 4:
                    continue
                next_s = max((next_s or now_s) + step_s, now_s + step_s / 2)
                if first or self.spec.is_device:
                    # A device holds no frame for later. And what cannot be made into pixels must
                    # be told of as this camera's fault.
                    pixels, first = _ready(pixels()), False
                frame = Frame(shown, name, self.counts.read - 1, time_s, still=False, live=True)
                self.counts.chosen += 1
                self.counts.dropped += self._slot.put(Glimpse(frame, pixels, now_s))
        return False


def _ready(image: Image) -> Callable[[], Image]:
    return lambda: image
