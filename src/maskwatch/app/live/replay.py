"""What a site's rules would have told for some footage; tells nobody and remembers nothing."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath

from maskwatch.app.detector import MaskDetector
from maskwatch.app.live.post import Outcome, Post
from maskwatch.errors import SourceError
from maskwatch.pipeline.ahead import ahead
from maskwatch.pipeline.groups import groups
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import video_frames
from maskwatch.types import Result

_GROUP = 4


@dataclass(slots=True)
class FootageClock:
    """The footage's own time: `start` is when it began, in seconds since 1970."""

    start: float = 0.0
    now_s: float = 0.0

    def steady(self) -> float:
        return self.now_s

    def wall(self, steady_s: float) -> float:
        return self.start + steady_s


def replay(
    post: Post, clock: FootageClock, location: str, detector: MaskDetector, *, rate: float
) -> Iterator[tuple[Result | None, Outcome]]:
    """Each looked-at frame of a video with what it came to, then what its end came to (None).

    Args:
        post: the camera's post, which was made with `clock`.
        clock: moved along with the footage.
        location: a video file.
        detector: finds and judges faces.
        rate: frames a second that are looked at.

    Raises:
        SourceError: it is no video, or breaks off; what there is was played.
    """
    broken: SourceError | None = None
    frames = video_frames(location, PurePath(location).with_suffix(""), Stride(seconds=1 / rate))
    with closing(ahead(frames, size_of=lambda frame: frame.nbytes)) as frames_ahead:
        try:
            for result in chain.from_iterable(map(detector.analyse, groups(frames_ahead, _GROUP))):
                if result.error is not None:
                    broken = SourceError(result.error)
                    continue
                clock.now_s = result.time
                yield result, post.take(result, result.time)
        except SourceError as error:
            broken = error
    yield None, post.close(clock.now_s)
    if broken is not None:
        raise broken
