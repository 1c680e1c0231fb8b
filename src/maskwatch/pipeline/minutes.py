"""Counts of one camera, minute by minute."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from maskwatch.events import Minute, new_id
from maskwatch.pipeline.people import Visit

_TOLD_EVERY_S = 10.0
_SET_BACK_S = 300.0


class Minutes:
    """Adds up frames, faces and people; tells each minute's totals as they grow."""

    def __init__(self, camera: str, run: str) -> None:
        self._camera, self._run = camera, run
        self._minute: Minute | None = None
        self._last: float | None = None
        self._told_at = 0.0

    def add(
        self, now: float, *, frames: int = 0, faces: int = 0, visits: Sequence[Visit] = ()
    ) -> Iterator[Minute]:
        """Take what came at `now`, in seconds since 1970; totals come every few seconds.

        Whoever has left is told at once. A clock that was set back a little adds to the minute
        that is under way; one that was set back far begins a new run, whose minutes do not
        replace those told before.
        """
        start = now // 60 * 60
        under_way = self._minute
        if under_way is not None and not -_SET_BACK_S <= now - under_way.start < 60:
            yield from self.rest()
        if not frames and not visits:
            return
        if self._minute is None:
            if self._last is not None and start <= self._last:
                self._run = new_id()
            self._minute = Minute(camera=self._camera, start=start, run=self._run)
            self._told_at = now
        changes = {"frames": self._minute.frames + frames, "faces": self._minute.faces + faces}
        for visit in visits:
            name = visit.state.value
            changes[name] = changes.get(name, getattr(self._minute, name)) + 1
        self._minute = replace(self._minute, **changes)  # type: ignore[arg-type]
        if visits or not 0 <= now - self._told_at < _TOLD_EVERY_S:
            self._told_at = now
            yield self._minute

    def rest(self) -> Iterator[Minute]:
        """The totals of the minute under way, which ends."""
        if self._minute is not None:
            self._last = self._minute.start
            yield self._minute
        self._minute = None
