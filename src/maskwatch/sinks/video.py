"""Annotated H.264 video with the source's timing and sound."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path, PurePath
from types import TracebackType
from typing import Self

import numpy as np

from maskwatch.draw import annotate
from maskwatch.errors import SinkError
from maskwatch.images import resize, to_i420, video_name
from maskwatch.sinks.sound import Sound
from maskwatch.types import Image, Result

_logger = logging.getLogger(__name__)
_CLOCK = Fraction(1, 90_000)
_NOMINAL_RATE = 25
# Fragments while it is written, so that a killed run leaves a video; a plain MP4 once finished.
_MOVFLAGS = "hybrid_fragmented+delay_moov"


class VideoSink:
    """One MP4 for each video or camera among the results.

    Args:
        folder: where to; videos keep their relative path.
        sound: whether the sound of video files is taken along.
    """

    def __init__(self, folder: Path, *, sound: bool = True) -> None:
        self._folder, self._sound = folder, sound
        self._source: tuple[str, PurePath] | None = None
        self._writer: _Mp4 | None = None

    def write(self, result: Result) -> None:
        """Add a frame; another path or name finishes the video before it."""
        if result.source.still:
            self._finish()
            return
        # By both: two streams that differ in a token have one path, as it is shown.
        source = result.path, result.source.name
        if source != self._source:
            self._finish()
            self._source = source
        if result.image is None:
            return
        if self._writer is None:
            with_sound = self._sound and not result.source.live and Path(result.path).is_file()
            target = self._folder / video_name(str(result.source.name))
            self._writer = _Mp4(target, result.image, Path(result.path) if with_sound else None)
        self._writer.add(annotate(result.image, result.faces), result.time)

    def _finish(self) -> None:
        # Forgotten first: a video that cannot be finished must not be tried again.
        writer, self._writer, self._source = self._writer, None, None
        if writer is not None:
            writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._finish()
        except SinkError as second:
            if error is None:
                raise
            _logger.warning("%s", second)  # The first error is the one to tell.


class _Mp4:
    """One MP4 that is being written: frames with their times, sound copied between them.

    Until it is finished it is called `name.part.mp4`, and can be played.
    """

    def __init__(self, target: Path, first: Image, sound_from: Path | None) -> None:
        import av

        self._av, self._target = av, target
        self._part = target.with_suffix(".part.mp4")
        self._size_wh = _even(first.shape[1]), _even(first.shape[0])
        self._last_pts = -1
        with self._failures("write"):
            target.parent.mkdir(parents=True, exist_ok=True)
            # FFmpeg takes `12:30.mp4` for a protocol, but no absolute path.
            file, options = os.path.abspath(self._part), {"movflags": _MOVFLAGS}
            self._out = av.open(file, "w", format="mp4", container_options=options)
        self._video = self._out.add_stream("libx264", rate=_NOMINAL_RATE)
        self._video.width, self._video.height = self._size_wh
        self._video.pix_fmt = "yuv420p"
        self._video.time_base = self._video.codec_context.time_base = _CLOCK
        # A key frame every two seconds or so: players can seek, and a killed run loses no more.
        self._video.options = {"preset": "veryfast", "crf": "23", "g": "50"}
        self._video.codec_context.colorspace = av.video.reformatter.Colorspace.ITU601
        self._video.codec_context.color_range = av.video.reformatter.ColorRange.MPEG
        self._sound = Sound(sound_from, self._out) if sound_from else None

    @contextmanager
    def _failures(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (self._av.FFmpegError, OSError) as error:
            raise SinkError(f"cannot {verb} {self._target}: {error.strerror}") from error

    def add(self, image: Image, time_s: float) -> None:
        """Encode one frame, shown from `time_s` on."""
        pts = max(round(time_s / _CLOCK), self._last_pts + 1)
        self._last_pts = pts
        # OpenCV's conversion takes a tenth of the time of libav's.
        planes = to_i420(self._fitted(image))
        frame = self._av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = pts, _CLOCK
        with self._failures("write"):
            if self._sound:
                self._out.mux(list(self._sound.until(time_s)))
            self._out.mux(self._video.encode(frame))

    def _fitted(self, image: Image) -> Image:
        """The picture at the video's size: H.264 needs even sides, and one size for all frames."""
        width, height = self._size_wh
        h, w = image.shape[:2]
        if (w, h) == self._size_wh:
            return image
        if _even(w) != width or _even(h) != height:
            return resize(image, width, height)
        return np.pad(image, ((0, height - h), (0, width - w), (0, 0)), mode="edge")

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            SinkError: the disk is full, say; the part that was written stays under its own name.
        """
        with self._failures("finish"):
            try:
                if self._sound:
                    end_s = float(self._last_pts * _CLOCK) + 1 / _NOMINAL_RATE
                    self._out.mux([*self._sound.until(end_s), *self._sound.rest()])
                self._out.mux(self._video.encode(None))
            finally:
                if self._sound:
                    self._sound.close()
                self._out.close()
            self._part.replace(self._target)


def _even(side: int) -> int:
    return side + side % 2
