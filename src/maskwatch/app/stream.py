"""Frames of some inputs through the detector, stage by stage, each working ahead of the next."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from maskwatch.app.settings import Settings
from maskwatch.pipeline.ahead import ahead
from maskwatch.pipeline.groups import groups
from maskwatch.sources.inputs import Inputs
from maskwatch.sources.read import ReadOptions, read_frames
from maskwatch.sources.stride import Stride
from maskwatch.types import Frame, Result

_GROUP = 4
"""Frames whose faces share a batch: more gains nothing on CPUs and takes memory."""


def stream(
    analyse: Callable[[Sequence[Frame]], list[Result]], inputs: Inputs, settings: Settings
) -> Generator[Result]:
    """The results of all inputs, in their order, as they come; close it to stop early."""
    live = any(item.is_live for item in inputs.items)
    frames = read_frames(inputs.items, _read_options(settings))
    if not live:  # A camera's frames must not wait in line: it keeps the newest itself.
        frames = ahead(frames, size_of=lambda frame: frame.nbytes)

    def analysed() -> Iterator[Result]:
        with closing(frames):
            for group in groups(frames, _GROUP):
                yield from analyse(group)

    yield from ahead(analysed(), size_of=lambda result: result.nbytes, most_items=1 if live else 8)


def _read_options(settings: Settings) -> ReadOptions:
    return ReadOptions(
        stride=Stride.parse(settings.every),
        max_seconds=settings.max_seconds,
        timeout_s=settings.timeout_s,
        max_pixels=settings.max_pixels,
    )
