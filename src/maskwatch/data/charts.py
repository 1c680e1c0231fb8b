"""Charts as PNGs; those of a set."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from maskwatch.data.problems import CheckReport
from maskwatch.draw import COLOURS, WORDS
from maskwatch.errors import MissingExtra, SinkError
from maskwatch.types import CLASSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 110


def write(path: Path, draw: "Callable[[Figure], None]") -> Path:
    """Make a figure, let it be drawn on, write it.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("charts need an extra: pip install 'maskwatch[data]'") from error
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    draw(figure)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=_DPI)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from error
    return path


def draw_counts(report: CheckReport, path: Path) -> None:
    """Faces of each state in each part, as bars.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: the file cannot be written.
    """
    write(path, lambda figure: _counts(figure, report))


def _counts(figure: "Figure", report: CheckReport) -> None:
    figure.set_size_inches(7, 1.2 + 0.8 * len(report.faces))
    axes = figure.subplots()
    high = 0.8 / len(CLASSES)
    for place, counts in enumerate(report.faces.values()):
        for number, state in enumerate(CLASSES):
            y = place + (number - 1) * high
            colour = tuple(value / 255 for value in COLOURS[state])
            label = WORDS[state] if place == 0 else None
            axes.barh(y, counts[state], high * 0.9, color=colour, label=label)
            axes.text(counts[state], y, f" {counts[state]:,}", va="center", fontsize=9)
    axes.set_yticks(range(len(report.faces)), list(report.faces))
    axes.invert_yaxis()
    axes.set_xlabel("faces")
    axes.margins(x=0.12)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)
