"""Frames of a video file or a stream, through PyAV."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from maskwatch.errors import SourceError
from maskwatch.images import resize
from maskwatch.sources.address import for_ffmpeg, redacted
from maskwatch.sources.completeness import is_cut_off
from maskwatch.sources.stride import Stride
from maskwatch.types import Frame, Image

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

_logger = logging.getLogger(__name__)


def video_frames(location: str, name: PurePath, stride: Stride) -> Iterator[Frame]:
    """The frames of a video file; the last one carries an error where the video breaks off.

    Times are the container's, from its start; rotation and pixel shape are applied.

    Raises:
        SourceError: not a video, or without any frame that can be decoded.
    """
    count = 0
    with opened(location) as container:
        for frame in decoded(container, location, name, stride):
            count += 1
            yield frame
    if not count:
        raise SourceError(f"{location} has no frame that can be decoded")
    if is_cut_off(Path(location)):
        sentence = f"{location} is cut off: its frames end at {frame.time:.1f} s; they are kept"
        yield Frame(location, name, frame.index + 1, frame.time, error=sentence, still=False)


@contextmanager
def opened(
    location: str, options: dict[str, str] | None = None, timeout_s: float | None = None
) -> Iterator["InputContainer"]:
    """An open container, closed at the end.

    Raises:
        SourceError: it cannot be opened; passwords of an address do not show.
    """
    import av

    shown = redacted(location)
    try:
        container = av.open(for_ffmpeg(location), options=options or {}, timeout=timeout_s)
    except (av.FFmpegError, OSError, ValueError) as error:
        # libav's own message holds the whole address, password and all: `from None`.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "unknown"
        kind = "video" if shown == location and "://" not in location else "stream"
        raise SourceError(f"cannot open {shown} as a {kind}: {reason}") from None
    with container:
        if not container.streams.video:
            raise SourceError(f"{shown} has no video in it")
        yield container


def decoded(
    container: "InputContainer", shown: str, name: PurePath, stride: Stride, *, live: bool = False
) -> Iterator[Frame]:
    """The frames that the stride lets through; damaged packets are left out."""
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    start = _start_time(container, stream)
    gate = stride.gate()
    for index, frame in enumerate(raw_frames(container, stream, shown)):
        time = time_of(frame, index, stream) - start
        if gate.passes(index, time):
            image = upright(frame, stream.sample_aspect_ratio)
            yield Frame(shown, name, index, max(time, 0.0), image, still=False, live=live)


def raw_frames(
    container: "InputContainer",
    stream: "VideoStream",
    shown: str,
    *,
    timeout_s: float | None = None,
) -> "Iterator[av.VideoFrame]":
    """The frames as they are decoded; damaged packets are left out and counted in the log.

    Raises:
        SourceError: it broke off, or sent no picture for `timeout_s` seconds.
    """
    import av

    damaged, last_s = 0, time.monotonic()
    try:
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    yield frame
                    last_s = time.monotonic()
            except av.FFmpegError:
                damaged += 1
            if timeout_s is not None and time.monotonic() - last_s > timeout_s:
                raise SourceError(f"{shown} sends, but no picture for {timeout_s:g} seconds")
    except av.FFmpegError as error:
        # libav's own message holds the whole address, password and all: `from None`.
        reason = f"{error.strerror}; the frames so far are kept"
        raise SourceError(f"{shown} broke off: {reason}") from None
    finally:
        if damaged:
            _logger.warning("%s: %d damaged packets were left out", shown, damaged)


def _start_time(container: "InputContainer", stream: "VideoStream") -> float:
    """When the container's first packet plays, in seconds of the stream's clock."""
    if container.start_time is not None:
        return container.start_time / 1_000_000
    return float((stream.start_time or 0) * stream.time_base) if stream.time_base else 0.0


def time_of(frame: "av.VideoFrame", index: int, stream: "VideoStream") -> float:
    if frame.time is not None:
        return frame.time
    rate = stream.average_rate or stream.guessed_rate or 25
    return index / float(rate)


def upright(frame: "av.VideoFrame", aspect: Fraction | None) -> Image:
    """The frame as RGB (h, w, 3), turned and stretched as a player would show it.

    `aspect` is a pixel's width by its height. Needs nothing of the stream, which may be closed.
    """
    image: Any = frame.to_ndarray(format="rgb24")
    if aspect and aspect > 0 and aspect != 1:
        image = resize(image, max(1, round(image.shape[1] * float(aspect))), image.shape[0])
    quarter_turns = round((frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image


def estimated_frames(location: str) -> int:
    """About how many frames a video file has, by its header; 1 where it does not say."""
    try:
        with opened(location) as container:
            stream = container.streams.video[0]
            seconds = (container.duration or 0) / 1_000_000
            return max(1, stream.frames or round(seconds * float(stream.average_rate or 25)))
    except SourceError:
        return 1
