"""Counts of one camera, minute by minute."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from maskwatch.events import Minute
from maskwatch.pipeline.people import Visit

_TOLD_EVERY_S = 10.0


class Minutes:
    """Adds up frames, faces and people; tells each minute's totals as they grow."""

    def __init__(self, camera: str, run: str) -> None:
        self._camera, self._run = camera, run
        self._minute: Minute | None = None
        self._changed_since: float | None = None

    def add(
        self, now: float, *, frames: int = 0, faces: int = 0, visits: Iterable[Visit] = ()
    ) -> Iterator[Minute]:
        """Take what came at `now`, in seconds since 1970; totals come every few seconds.

        A clock that was set back adds to the minute that is under way.
        """
        start = now // 60 * 60
        if self._minute is not None and start > self._minute.start:
            yield from self.rest()
        if self._minute is None:
            self._minute = Minute(camera=self._camera, start=start, run=self._run)
        changes = {"frames": self._minute.frames + frames, "faces": self._minute.faces + faces}
        for visit in visits:
            name = visit.state.value
            changes[name] = changes.get(name, getattr(self._minute, name)) + 1
        self._minute = replace(self._minute, **changes)  # type: ignore[arg-type]
        if self._changed_since is None:
            self._changed_since = now
        elif not 0 <= now - self._changed_since < _TOLD_EVERY_S:
            self._changed_since = None
            yield self._minute

    def rest(self) -> Iterator[Minute]:
        """The totals of the minute under way, which ends."""
        if self._minute is not None:
            yield self._minute
        self._minute = self._changed_since = None
