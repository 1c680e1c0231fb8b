"""What a run folder holds about its training, for reports. No torch here."""

import csv
from collections.abc import Iterator
from pathlib import Path

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


def section(run: Path, *, public: bool) -> Iterator[str]:
    """The part of a report about the training, if the folder is that of a run."""
    files = [name for name in _WORDS if (run / name).exists() and not (public and name == SEEN)]
    if not files:
        return
    yield html.heading("Its training")
    history = read_history(run / HISTORY)
    if history:
        last = history[-1]
        yield html.paragraph(
            f"{len(history)} epochs; at the end {last['train_accuracy']:.1%} of what it learnt "
            f"from and {last.get('val_accuracy', float('nan')):.1%} of what it was watched on."
        )
    for name in files:
        yield html.picture(run / name, _WORDS[name])
