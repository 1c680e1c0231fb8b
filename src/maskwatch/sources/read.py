"""The frames of all inputs, one input after the other; a broken one gives a frame that says so."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from threading import Lock

from maskwatch.errors import MaskwatchError
from maskwatch.images import MAX_PIXELS, decode
from maskwatch.sources.inputs import Input, Kind
from maskwatch.sources.live import camera_frames, stream_frames
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import video_frames
from maskwatch.types import Frame

_DECODERS = 2
"""Threads that decode pictures: a JPEG takes longer to decode than to search for faces."""
_LARGE_FILE_BYTES = 1_500_000


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How inputs are read: `max_seconds` and `timeout_s` in seconds, None without limit."""

    stride: Stride = Stride()
    max_seconds: float | None = None
    timeout_s: float = 10.0
    max_pixels: int = MAX_PIXELS


def read_frames(items: Sequence[Input], options: ReadOptions) -> Generator[Frame]:
    """The frames of all inputs in their order."""
    for kind, run in groupby(items, lambda item: item.kind):
        if kind is Kind.PICTURE:
            yield from _pictures(run, options.max_pixels)
        else:
            for item in run:
                yield from _moving(item, options)


def _pictures(items: Iterable[Input], max_pixels: int) -> Iterator[Frame]:
    """Pictures decoded in some threads, in order, at most one waiting for each thread."""
    waiting: deque[Future[Frame]] = deque()
    one_at_a_time = Lock()
    with ThreadPoolExecutor(_DECODERS, "maskwatch-decode") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(_picture, item, max_pixels, one_at_a_time))
                if len(waiting) >= _DECODERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _picture(item: Input, max_pixels: int, one_at_a_time: Lock) -> Frame:
    try:
        path = Path(item.location)
        with one_at_a_time if _is_large(path) else nullcontext():
            return Frame(item.shown, item.name, image=decode(path, max_pixels))
    except MaskwatchError as error:
        return Frame(item.shown, item.name, error=str(error))


def _is_large(path: Path) -> bool:
    """Whether decoding takes so much memory that two at once are too many: by the file's size."""
    try:
        return path.stat().st_size > _LARGE_FILE_BYTES
    except OSError:
        return False


def _moving(item: Input, options: ReadOptions) -> Iterator[Frame]:
    """The frames of a video, camera or stream; an error comes as one more frame."""
    index, time = -1, 0.0
    # A video leaves frames out before it converts them; a camera has to show that it is alive.
    gate = (options.stride if item.is_live else Stride()).gate()
    try:
        for frame in _opened(item, options):
            index, time = frame.index, frame.time
            if options.max_seconds is not None and time >= options.max_seconds:
                return
            if gate.passes(index, time):
                yield frame
    except MaskwatchError as error:
        yield Frame(item.shown, item.name, index + 1, time, error=str(error), still=False)


def _opened(item: Input, options: ReadOptions) -> Iterator[Frame]:
    match item.kind:
        case Kind.VIDEO:
            return video_frames(item.location, item.name, options.stride)
        case Kind.CAMERA:
            return camera_frames(int(item.location), item.name, options.timeout_s)
        case Kind.STREAM:
            return stream_frames(item.location, item.name, options.timeout_s)
        case _:
            reason = item.reason or f"{item.shown} cannot be read"
            return iter([Frame(item.shown, item.name, error=reason)])
