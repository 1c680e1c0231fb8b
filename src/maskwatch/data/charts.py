"""Charts of a set."""

from pathlib import Path

from maskwatch.data.check import CheckReport
from maskwatch.draw import COLOURS, WORDS
from maskwatch.errors import MissingExtra, SinkError
from maskwatch.types import CLASSES


def draw_counts(report: CheckReport, path: Path) -> None:
    """Faces of each state in each part, as bars.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("charts need an extra: pip install 'maskwatch[data]'") from error
    figure = Figure(figsize=(7, 1.2 + 0.8 * len(report.faces)), layout="constrained")
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from error
