"""What watches a training, besides Lightning's own."""

import csv
import logging
import math
import warnings
from pathlib import Path
from time import perf_counter

import lightning as L
from lightning.pytorch.callbacks import Callback

from maskwatch.evaluation.training import read_history

_logger = logging.getLogger(__name__)


class History(Callback):
    """A row an epoch in a CSV; a resumed run goes on below the rows that it has not yet to do.

    `since` is when this run began, on `perf_counter`: the first epoch counts what was before it.
    """

    def __init__(self, path: Path, since: float) -> None:
        self._path, self._since = path, since

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        rows = [row for row in read_history(self._path) if row["epoch"] < trainer.current_epoch]
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        lr = trainer.optimizers[0].param_groups[0]["lr"]
        seconds, self._since = perf_counter() - self._since, perf_counter()
        row = {"epoch": trainer.current_epoch, **dict(sorted(values.items())), "lr": lr}
        rows.append({**row, "seconds": round(seconds, 3)})
        part = self._path.with_suffix(".part")
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[-1])
            writer.writeheader()
            writer.writerows(rows)
        part.replace(self._path)


class Sane(Callback):
    """Stops where the loss is no number: what follows would be none either."""

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        loss = trainer.callback_metrics.get("train_loss")
        if loss is not None and not math.isfinite(float(loss)):
            _logger.warning("the loss is no number any more: stopped; try a smaller --lr")
            trainer.should_stop = True


class Quiet(Callback):
    """Silences what Lightning says of workers and folders, which are meant to be so, in every
    process."""

    def setup(self, trainer: L.Trainer, module: L.LightningModule, stage: str) -> None:
        warnings.simplefilter("ignore")
