"""Progress on stderr and tables on stdout."""

from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from maskwatch.cli.guard import say

if TYPE_CHECKING:
    from maskwatch.app.loop import Summary
    from maskwatch.sources.inputs import Inputs
    from maskwatch.types import Face, Result

_STYLES = {"mask": "blue", "no_mask": "red", "incorrect": "dark_orange", "unknown": "bright_black"}


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


def print_faces(result: "Result") -> None:
    """A table of the faces of one picture, on stdout."""
    table = Table("#", "state", "probability", "score", "box x1 y1 x2 y2", title=result.path)
    for number, face in enumerate(result.faces):
        table.add_row(str(number), *_face_cells(face), style=_STYLES[face.state])
    Console(markup=False).print(table)


def _face_cells(face: "Face") -> tuple[str, ...]:
    from maskwatch.draw import SYMBOLS, WORDS

    sure = "" if face.confidence is None else f"{face.confidence * 100:.1f}%"
    box = " ".join(f"{float(value):.0f}" for value in face.box)
    return f"{SYMBOLS[face.state]} {WORDS[face.state]}", sure, f"{face.score:.2f}", box


def print_summary(summary: "Summary") -> None:
    """The final table, on stdout."""
    table = Table(show_header=False)
    for name, value in as_json(summary).items():
        if name == "states":
            for state, count in value.items():
                table.add_row(f"  {state}", str(count), style=_STYLES[state])
        elif value or name in ("faces", "violations"):
            table.add_row(name.replace("_", " "), str(value))
    Console(markup=False).print(table)


def as_json(summary: "Summary") -> dict[str, Any]:
    """The summary as plain values: counts, and seconds on the clock."""
    done = summary.pictures + summary.frames
    return {
        "pictures": summary.pictures,
        "frames": summary.frames,
        "faces": summary.faces,
        "states": summary.states,
        "violations": summary.violations,
        "without_face": summary.without_face,
        "errors": summary.errors,
        "skipped": summary.skipped,
        "done_before": summary.resumed,
        "seconds": round(summary.seconds, 2),
        "per_second": round(done / summary.seconds, 1) if summary.seconds else 0.0,
    }
