"""Searching for better settings with Optuna, by the validation part alone."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import optuna
from lightning.pytorch.callbacks import Callback

from maskwatch.data.augment import Augmentation
from maskwatch.data.charts import write
from maskwatch.errors import ModelInvalid, SinkError, UsageError
from maskwatch.evaluation.training import HISTORY, read_history
from maskwatch.training.memory import keep_freed_memory
from maskwatch.training.workshop.choices import Optimizer
from maskwatch.training.workshop.fit import fit
from maskwatch.training.workshop.networks import build
from maskwatch.training.workshop.parts import Parts
from maskwatch.training.workshop.settings import TrainSettings
from maskwatch.training.workshop.sources import Tell, prepared
from maskwatch.training.workshop.trials import draw, ended, mattered_of, write_table

if TYPE_CHECKING:
    pass

TRIALS, MATTERED, STUDY = "trials.csv", "mattered.png", "study.db"
_FEATURES = "features"
_UNITS = {"none": (), "64": (64,), "128": (128,), "256": (256,)}
Report = Callable[[int, float | None, dict[str, Any]], None]
"""Called after each trial with its number, its validation loss (None: pruned) and its choices."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best settings, their validation loss and accuracy, and how much each choice mattered."""

    settings: TrainSettings
    choices: dict[str, Any]
    loss: float
    accuracy: float
    mattered: dict[str, float]
    finished: int
    pruned: int


def tune(
    parts: Parts,
    settings: TrainSettings,
    out: Path,
    *,
    trials: int,
    tell: Tell = lambda *_: None,
    report: Report = lambda *_: None,
) -> Tuned:
    """Try settings until `trials` are done; a killed search goes on with those that are missing.

    The learning rate, the optimiser, the batch, the head and whether pictures are augmented are
    chosen by a tree of Parzen estimators; trials that are worse than the median of others at the
    same epoch end early.

    Args:
        parts: what is learnt from, and what judges: a test part is never touched.
        settings: where the search starts; what is not searched stays as it is.
        out: folder for the study, a table and a chart.
        trials: how many in all.
        tell: hears of features being computed.
        report: hears of each trial.

    Raises:
        UsageError: the folder holds a search of other settings or data.
        ModelInvalid: no trial came to its end.
        SinkError: something cannot be written.
    """
    keep_freed_memory()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(out, parts, settings)
    for killed in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(killed.number, state=optuna.trial.TrialState.FAIL)
        shutil.rmtree(out / "trials" / str(killed.number), ignore_errors=True)
    while len(ended(study)) < trials:
        trial = study.ask()
        loss = _try(study, trial, parts, settings, out, tell)
        report(trial.number, loss, trial.params)
        write_table(study, out / TRIALS)
    shutil.rmtree(out / _FEATURES, ignore_errors=True)
    if not study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE]):
        raise ModelInvalid(f"none of {trials} trials in {out} finished: begin with a smaller --lr")
    return _tuned(study, settings, out)


def _try(
    study: optuna.Study,
    trial: optuna.Trial,
    parts: Parts,
    settings: TrainSettings,
    out: Path,
    tell: Tell,
) -> float | None:
    """Train with what the trial chose; its best validation loss, None where it was pruned."""
    chosen = _chosen(trial, settings)
    folder = out / "trials" / str(trial.number)
    L.seed_everything(settings.seed, verbose=False)
    network = build(chosen, parts.classes)
    learner, source = prepared(network, parts, chosen, out / _FEATURES, tell)
    watch = _Prune(trial)
    try:
        fit(learner, source, folder, more=[watch])
    except ModelInvalid:  # No numbers any more: a bad choice, and worth knowing as such.
        watch.pruned = True
    best = min(read_history(folder / HISTORY), key=lambda row: row.get("val_loss", math.inf))
    trial.set_user_attr("accuracy", best.get("val_accuracy", 0.0))
    for file in folder.glob("*.ckpt"):
        file.unlink()
    if watch.pruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return None
    study.tell(trial, best["val_loss"])
    return best["val_loss"]


def _tuned(study: optuna.Study, settings: TrainSettings, out: Path) -> Tuned:
    """What the search came to, and a chart of what mattered."""
    mattered = mattered_of(study)
    if mattered:
        write(out / MATTERED, lambda figure: draw(figure, study, mattered))
    top, done = study.best_trial, ended(study)
    pruned = sum(trial.state is optuna.trial.TrialState.PRUNED for trial in done)
    return Tuned(
        settings=_settings(top.params, settings),
        choices=dict(top.params),
        loss=float(top.value or 0.0),
        accuracy=float(top.user_attrs["accuracy"]),
        mattered=mattered,
        finished=len(done) - pruned,
        pruned=pruned,
    )


def _study(out: Path, parts: Parts, settings: TrainSettings) -> optuna.Study:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot write {out}: {error.strerror}") from error
    storage = f"sqlite:///{out / STUDY}"
    known = sum(summary.n_trials for summary in optuna.get_all_study_summaries(storage))
    study = optuna.create_study(
        storage=storage,
        study_name="maskwatch",
        load_if_exists=True,
        # Another seed for each start: the same would draw the first trials again.
        sampler=optuna.samplers.TPESampler(seed=settings.seed + known),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2),
    )
    before = study.user_attrs.get("search")
    search = repr((parts.key, settings.plain()))
    if before not in (None, search):
        raise UsageError(f"{out} holds a search of other settings or data: name another folder")
    study.set_user_attr("search", search)
    return study


def _chosen(trial: optuna.Trial, settings: TrainSettings) -> TrainSettings:
    """What a trial tries."""
    trial.suggest_float("lr", 1e-5, 1e-2, log=True)
    trial.suggest_categorical("optimizer", [rule.value for rule in Optimizer])
    trial.suggest_categorical("batch", [16, 32, 64])
    trial.suggest_categorical("units", list(_UNITS))
    trial.suggest_float("dropout", 0.0, 0.6)
    trial.suggest_float("label_smoothing", 0.0, 0.1)
    if settings.augment != Augmentation():
        trial.suggest_categorical("augment", ["as given", "none"])
    return _settings(trial.params, settings)


def _settings(choices: dict[str, Any], settings: TrainSettings) -> TrainSettings:
    kept = {key: choices[key] for key in ("lr", "batch", "dropout", "label_smoothing")}
    augment = Augmentation() if choices.get("augment") == "none" else settings.augment
    return settings.but(
        **kept,
        optimizer=Optimizer(choices["optimizer"]),
        units=_UNITS[choices["units"]],
        augment=augment,
        decay=0.0,
    )


class _Prune(Callback):
    """Tells the trial each epoch's validation loss, and stops it if it is not promising."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial, self.pruned = trial, False

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        loss = trainer.callback_metrics.get("val_loss")
        if loss is None:
            return
        self._trial.report(float(loss), trainer.current_epoch)
        if self._trial.should_prune():
            self.pruned = True
            trainer.should_stop = True
