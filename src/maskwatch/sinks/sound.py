"""The sound of a video, taken along as it is or, where MP4 cannot hold it so, as AAC."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.container import InputContainer, OutputContainer

_logger = logging.getLogger(__name__)
_PLAYABLE = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})


class Sound:
    """The first sound track of a file, packet by packet, for another container.

    What is damaged in it is left out with one warning: sound never ends a run.
    """

    def __init__(self, path: Path, out: "OutputContainer") -> None:
        import av

        self._av, self._path = av, path
        self._warned = False
        self._pending: av.Packet[av.AudioStream] | None = None
        self._last_dts: int | None = None
        self._source: InputContainer | None = None
        self._target: av.AudioStream | None = None
        self._packets: Iterator[av.Packet[av.AudioStream]] = iter(())
        try:
            self._source = av.open(os.path.abspath(path))
            if self._source.streams.audio:
                self._prepare(self._source.streams.audio[0], out)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._warn(error)

    def _prepare(self, track: "av.AudioStream", out: "OutputContainer") -> None:
        codec = track.codec_context
        # MPEG-TS carries AAC without the header that MP4 needs.
        headless = codec.name == "aac" and not codec.extradata
        self._copies = codec.name in _PLAYABLE and not headless
        if self._copies:
            self._target = out.add_stream_from_template(track)
        else:
            self._target = out.add_stream("aac", rate=codec.sample_rate or 48_000)
        start = self._source.start_time if self._source is not None else 0
        self._offset_s = (start or 0) / 1_000_000
        self._packets = self._source.demux(track) if self._source is not None else iter(())

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            _logger.warning("%s: some of the sound is left out: %s", self._path, error)
        self._warned = True

    def until(self, time_s: float) -> Iterator["av.Packet[av.AudioStream]"]:
        """The packets for the new container of all sound that starts before a time."""
        while self._target is not None:
            packet = self._pending or self._next()
            self._pending = None
            if packet is None:
                return
            if packet.dts is None or packet.time_base is None:
                continue
            if float(packet.dts * packet.time_base) - self._offset_s > time_s:
                self._pending = packet
                return
            yield from self._passed(packet, self._target)

    def _next(self) -> "av.Packet[av.AudioStream] | None":
        try:
            return next(self._packets, None)
        except (self._av.FFmpegError, OSError) as error:
            self._warn(error)
            return None

    def _passed(
        self, packet: "av.Packet[av.AudioStream]", target: "av.AudioStream"
    ) -> Iterator["av.Packet[av.AudioStream]"]:
        shift = round(self._offset_s / packet.time_base) if packet.time_base else 0
        if not self._copies:
            yield from self._encoded(packet, target, shift)
            return
        if self._last_dts is not None and packet.dts is not None and packet.dts <= self._last_dts:
            return  # MP4 takes no packet that goes back in time.
        self._last_dts = packet.dts
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        packet.stream = target
        yield packet

    def _encoded(
        self, packet: "av.Packet[av.AudioStream]", target: "av.AudioStream", shift: int
    ) -> Iterator["av.Packet[av.AudioStream]"]:
        try:
            for frame in packet.decode():
                frame.pts = None if frame.pts is None else frame.pts - shift
                yield from target.encode(frame)
        except (self._av.FFmpegError, ValueError) as error:
            self._warn(error)

    def rest(self) -> Iterator["av.Packet[av.AudioStream]"]:
        """What the encoder still holds."""
        if self._target is not None and not self._copies:
            try:
                yield from self._target.encode(None)
            except (self._av.FFmpegError, ValueError) as error:
                self._warn(error)

    def close(self) -> None:
        """Close the file that the sound comes from."""
        if self._source is not None:
            self._source.close()
