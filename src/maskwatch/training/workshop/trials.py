"""What is told of a search's trials: a table, a chart, and what mattered."""

import csv
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import optuna

from maskwatch.errors import SinkError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEWEST = 4
"""Finished trials below which nothing can be said of what mattered."""


def ended(study: optuna.Study) -> Sequence[optuna.trial.FrozenTrial]:
    """Those that came to an end of their own: finished or pruned."""
    kinds = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return study.get_trials(deepcopy=False, states=kinds)


def write_table(study: optuna.Study, file: Path) -> None:
    """A row a trial, the best first."""
    done = sorted(ended(study), key=lambda t: (t.value is None, t.value or 0.0))
    names = list(dict.fromkeys(name for trial in done for name in trial.params))
    try:
        with file.open("w", newline="", encoding="utf-8") as text:
            writer = csv.writer(text)
            writer.writerow(["trial", "state", "val_loss", "val_accuracy", "epochs", *names])
            for trial in done:
                values = [trial.params.get(name, "") for name in names]
                accuracy = trial.user_attrs.get("accuracy", "")
                epochs = len(trial.intermediate_values)
                state = trial.state.name.lower()
                writer.writerow([trial.number, state, trial.value or "", accuracy, epochs, *values])
    except OSError as error:
        raise SinkError(f"cannot write {file}: {error.strerror}") from error


def mattered_of(study: optuna.Study) -> dict[str, float]:
    """The share of the losses' variance that each choice explains (fANOVA); empty for few."""
    complete = [t for t in study.trials if t.state is optuna.trial.TrialState.COMPLETE]
    if len(complete) < _FEWEST:
        return {}
    try:
        return {k: float(v) for k, v in optuna.importance.get_param_importances(study).items()}
    except (RuntimeError, ValueError) as error:  # All losses are equal, or a choice never varied.
        logging.getLogger(__name__).warning("what mattered cannot be told: %s", error)
        return {}


def draw(figure: "Figure", study: optuna.Study, mattered: dict[str, float]) -> None:
    figure.set_size_inches(9, 3.2)
    left, right = figure.subplots(1, 2)
    left.barh(list(mattered), list(mattered.values()), color="#0072b2")
    left.invert_yaxis()
    left.set(xlabel="share of the loss's variance explained", title="what mattered")
    done = [trial for trial in study.trials if trial.value is not None]
    lows = [min(t.value or 0.0 for t in done[: i + 1]) for i in range(len(done))]
    right.plot([t.number for t in done], [t.value for t in done], "o", color="#999999")
    right.step([t.number for t in done], lows, where="post", color="#d55e00")
    right.set(xlabel="trial", ylabel="validation loss", title="trials, and the best so far")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
