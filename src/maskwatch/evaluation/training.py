"""What a run folder holds about its training, for reports. No torch here."""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from maskwatch.evaluation import html

CURVES, NETWORK, SEEN, HISTORY = "curves.png", "network.png", "seen.png", "history.csv"
COUNTS = "counts.png"
_WORDS = {
    CURVES: "Accuracy and loss of each epoch, on what it learnt from and on what it was watched on",
    COUNTS: "Faces of each state, learnt from and watched",
    NETWORK: "The network",
    SEEN: "What the training saw: faces, each changed at random",
}


def read_history(path: Path) -> list[dict[str, float]]:
    """What a training logged, a row an epoch; nothing where there is none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]


def kept_row(history: Sequence[dict[str, float]], *, best: bool) -> dict[str, float]:
    """The row of the epoch whose weights were kept: of the smallest validation loss, or the last.

    Args:
        history: a row an epoch, at least one.
        best: whether the best epoch was kept.
    """
    return min(history, key=_validation_loss) if best else history[-1]


def _validation_loss(row: dict[str, float]) -> float:
    loss = row.get("val_loss", math.inf)
    return math.inf if math.isnan(loss) else loss


def section(run: Path, figures: dict[str, Any], *, public: bool) -> Iterator[str]:
    """The part of a report about the training, if the folder is that of a run.

    Args:
        run: the folder.
        figures: those of its bundle.
        public: leave photographs out.
    """
    files = [name for name in _WORDS if (run / name).exists() and not (public and name == SEEN)]
    if not files:
        return
    yield html.heading("Its training")
    history = read_history(run / HISTORY)
    if history:
        last = history[-1]
        yield html.paragraph(
            f"{len(history)} epochs; at the end {last['train_accuracy']:.1%} of what it learnt "
            f"from and {last.get('val_accuracy', float('nan')):.1%} of what it was watched on. "
            + " ".join(about_kept(figures))
        )
    for name in files:
        yield html.picture(run / name, _WORDS[name])


def about_kept(figures: dict[str, Any]) -> Iterator[str]:
    """Sentences on why a bundle's figures are others than those of its last epoch.

    Args:
        figures: those of the bundle.
    """
    epochs, kept = figures.get("epochs"), figures.get("kept_epoch")
    if kept is not None and kept != epochs:
        yield f"Epoch {kept} of {epochs} was kept, that of the smallest validation loss."
    scaled = figures.get("validation", {}).get("as_training_scales")
    if scaled is not None:
        yield (
            f"Training scales pictures with --resize {scaled['resize']} and told "
            f"{scaled['accuracy']:.1%} of the watched faces right; the bundle scales them "
            f"smoothly, as detect does, and tells {figures['validation']['accuracy']:.1%} right."
        )
