"""How a camera's frames are come by: from a device, an address, or a file played as if live."""

import itertools
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from maskwatch.errors import SourceError
from maskwatch.images import from_bgr
from maskwatch.sources.address import is_address, redacted
from maskwatch.sources.live import open_camera
from maskwatch.sources.video import opened, raw_frames, time_of, upright
from maskwatch.types import Image

Decode = Literal["all", "reference", "key"]
_SKIPPED: dict[Decode, Any] = {"all": "DEFAULT", "reference": "NONREF", "key": "NONKEY"}
TimedFrames = Generator[tuple[float, Callable[[], Image]], None, bool | None]
"""Times of frames in seconds, and their pixels when asked for: most are not wanted.

Those of a device must be asked for before its next frame, all others whenever they are wanted.
Returns whether this was a film that is over, not a stream that should have gone on.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSpec:
    """How a camera is read: `source` is a device's index, an address, or a file.

    A file is played as if it were live, again and again if `loop`. `rate` is in frames a second,
    `timeout_s` how long to wait for one before the camera counts as lost.
    """

    name: str
    source: str
    rate: float = 5.0
    decode: Decode = "all"
    timeout_s: float = 10.0
    loop: bool = False

    @property
    def is_file(self) -> bool:
        """Whether it is a file, which ends."""
        return not is_address(self.source) and not self.is_device

    @property
    def is_device(self) -> bool:
        """Whether it is a camera of this machine."""
        return self.source.isdecimal()

    @property
    def shown(self) -> str:
        """The source without passwords."""
        return redacted(self.source)


def open_frames(spec: CameraSpec) -> TimedFrames:
    """The frames of a device, an address or a file played as if live.

    Raises:
        SourceError: it cannot be opened, or it broke off.
    """
    if spec.is_device:
        return _device_frames(int(spec.source))
    if is_address(spec.source):
        return video_frames_of(spec)
    return _played_frames(spec)


def _device_frames(index: int) -> TimedFrames:
    capture = open_camera(index)
    try:
        if not capture.isOpened():
            raise SourceError(f"there is no camera {index}, or another program holds it")
        start_s = time.monotonic()
        while capture.grab():
            yield time.monotonic() - start_s, lambda: _retrieved(capture)
        raise SourceError(f"camera {index} stopped")
    finally:
        capture.release()


def _retrieved(capture: Any) -> Image:
    there, image_bgr = capture.retrieve()
    if not there:
        raise SourceError("the camera sent a frame that cannot be read")
    return from_bgr(image_bgr)


def video_frames_of(spec: CameraSpec) -> TimedFrames:
    """The frames of an address as they come, or of a file as fast as they are taken.

    Raises:
        SourceError: it cannot be opened, broke off, or sends no picture for `timeout_s` seconds.
    """
    options = {"rtsp_transport": "tcp"} if spec.source.startswith("rtsp") else {}
    with opened(spec.source, options, spec.timeout_s) as container:
        stream = container.streams.video[0]
        # Threads of one decoder hold frames back; cameras have a thread each anyway.
        stream.thread_type = "NONE"
        stream.codec_context.skip_frame = _SKIPPED[spec.decode]
        start_s: float | None = None
        # What knows its length is a film; a server of cameras may only think that it does.
        is_film = (container.duration or 0) > 0 and not spec.source.startswith("rtsp")
        # What comes in segments, or as a file, comes in bursts: it is played at its own pace.
        paced = is_address(spec.source) and (
            container.format.name == "hls" or (container.duration or 0) > 0
        )
        frames = raw_frames(container, stream, spec.shown, timeout_s=spec.timeout_s)
        begun_s = time.monotonic()
        for index, frame in enumerate(frames):
            now_s = time_of(frame, index, stream)
            start_s = now_s if start_s is None else start_s
            if paced:
                ahead_s = now_s - start_s - (time.monotonic() - begun_s)
                time.sleep(min(max(0.0, ahead_s), spec.timeout_s / 2))
            yield now_s - start_s, partial(upright, frame, stream.sample_aspect_ratio)
        return is_film


def _played_frames(spec: CameraSpec) -> TimedFrames:
    """A file's frames at the times at which they would have come."""
    if not Path(spec.source).exists():
        raise SourceError(f"there is no file {spec.source}")
    offset_s, begun_s, count = 0.0, time.monotonic(), 0
    for _ in itertools.count() if spec.loop else range(1):
        last_s = step_s = 0.0
        for time_s, pixels in video_frames_of(spec):
            step_s, last_s = max(0.0, time_s - last_s), time_s
            time.sleep(max(0.0, begun_s + offset_s + time_s - time.monotonic()))
            count += 1
            yield offset_s + time_s, pixels
        if not count:
            raise SourceError(f"{spec.source} has no frame that can be decoded")
        offset_s += last_s + step_s
    return True
