"""Progress on stderr."""

from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from maskwatch.cli.guard import say

if TYPE_CHECKING:
    from maskwatch.sources.inputs import Inputs
    from maskwatch.types import Result


class Report:
    """Follows a run: a bar with rate and time left, and a line for each error."""

    def __init__(self, *, quiet: bool, show_bar: bool) -> None:
        self._quiet = quiet
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=quiet or not show_bar,
        )
        self._units: dict[str, int] = {}
        self._finished = 0
        self._path: str | None = None
        self.last: Result | None = None
        self.results = 0

    def started(self, inputs: "Inputs") -> None:
        """Learn what is to come; live inputs have no end."""
        from maskwatch.sources.video import estimated_frames

        for item in inputs.items:
            self._units[item.shown] = estimated_frames(item.location) if item.kind == "video" else 1
        endless = any(item.is_live for item in inputs.items)
        total = None if endless else sum(self._units.values())
        self._task = self._bar.add_task("", total=total, rate="")

    def on_result(self, result: "Result") -> None:
        """Count one result and show where the run is."""
        if result.error is not None:
            say(f"error: {result.error}")
        if result.path != self._path:
            self._finished += self._units.get(self._path, 1) if self._path is not None else 0
            self._path = result.path
        self.last, self.results = result, self.results + 1
        elapsed = self._bar.tasks[self._task].elapsed or 0
        self._bar.update(
            self._task,
            completed=self._finished + result.frame + 1,
            description=PurePath(result.path).name[-40:],
            rate=f"{self.results / elapsed:.1f}/s" if elapsed else "",
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
