"""What the commands that train need and say before they do."""

from typing import TYPE_CHECKING, Any

from maskwatch.cli.guard import say

if TYPE_CHECKING:
    from maskwatch.training.workshop.parts import Parts


def check_training() -> None:
    """Say what is missing before anything is read.

    Raises:
        MissingExtra: the extra train is not installed.
    """
    from importlib.util import find_spec

    from maskwatch.errors import MissingExtra

    missing = [name for name in ("torch", "timm", "lightning") if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"training needs an extra ({', '.join(missing)} missing): "
            "pip install 'maskwatch[train]'"
        )


def tell_of(parts: "Parts") -> None:
    for sentence in parts.unreadable:
        say(f"error: {sentence}")
    for sentence in parts.notes:
        say(f"note: {sentence}")
    copies = parts.leaks["exact"] + parts.leaks["near"]
    if copies:
        share = copies / parts.leaks["pictures"]
        say(
            f"warning: {copies} of {parts.leaks['pictures']} validation pictures ({share:.1%}) "
            "have a twin in training: their figures are too good; maskwatch data split keeps "
            "twins together"
        )


class Bar:
    """A bar on stderr for what comes before the training itself, where that is a terminal."""

    def __enter__(self) -> "Bar":
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self.shown = console.is_terminal
        self._progress = Progress(console=console, transient=True, disable=not self.shown)
        self._tasks: dict[str, Any] = {}
        self._progress.start()
        return self

    def tell(self, what: str, count: int, total: int) -> None:
        """So many more pictures of `total` are done; the last one closes the bar."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.advance(self._tasks[what], count)
        if self._progress.finished:
            self._progress.stop()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
