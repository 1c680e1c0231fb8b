"""Training with Lightning: the loop, what it logs, where it goes on after a kill."""

import errno
import logging
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    RichProgressBar,
)
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.multiprocessing.spawn import ProcessRaisedException

from maskwatch.errors import MaskwatchError, ModelInvalid, SinkError
from maskwatch.evaluation.training import HISTORY
from maskwatch.training.workshop.callbacks import History, Quiet, Sane
from maskwatch.training.workshop.choices import Keep
from maskwatch.training.workshop.learner import Learner

Loader = Callable[[int], Iterator[tuple[Tensor, Tensor]]]
"""From an epoch's number to its batches: inputs (n, ...) and labels (n,)."""
_LAST, _BEST, _ENDED = "last", "best", "ended"
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Where batches come from, and how many there are of each."""

    train: Loader
    val: Loader
    steps: int
    val_steps: int


class _Feed:
    """A loader of one epoch in the form that Lightning asks for."""

    def __init__(self, loader: Loader, epoch: int, steps: int) -> None:
        self._loader, self._epoch, self._steps = loader, epoch, steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self._loader(self._epoch)

    def __len__(self) -> int:
        return self._steps


class _Data(L.LightningDataModule):
    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches

    def train_dataloader(self) -> Any:
        epoch = self.trainer.current_epoch if self.trainer else 0
        return _Feed(self._batches.train, epoch, self._batches.steps)

    def val_dataloader(self) -> Any:
        return _Feed(self._batches.val, 0, self._batches.val_steps)


def fit(
    learner: Learner,
    batches: Batches,
    folder: Path,
    *,
    devices: int = 1,
    progress: bool = False,
    since: float | None = None,
    more: Sequence[Callback] = (),
) -> Learner:
    """Train, going on from the last epoch that a killed run finished; returns the chosen weights.

    Args:
        learner: what learns.
        batches: what it learns from.
        folder: gets checkpoints, `history.csv` and TensorBoard's log.
        devices: GPUs, or without any processes, that share each batch.
        progress: whether to draw a bar.
        since: when the run began, on `perf_counter`; else now.
        more: callbacks that watch, too.

    Raises:
        MaskwatchError: one of several processes ended.
        ModelInvalid: the loss became no number, and so did the weights.
        SinkError: a checkpoint cannot be written; those before it stay valid.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # As in `Quiet`; and afterwards all is as it was.
        history = History(folder / HISTORY, perf_counter() if since is None else since)
        trainer = _trainer(
            learner, folder, devices=devices, progress=progress, more=[history, *more]
        )
        if not (folder / _ENDED).exists():
            with _told_plainly(folder):
                _train(trainer, learner, batches, folder)
    learner.load_state_dict(_finite_state(folder, learner.settings.keep))
    return learner.cpu().eval()


def _trainer(
    learner: Learner, folder: Path, *, devices: int, progress: bool, more: Sequence[Callback]
) -> L.Trainer:
    settings = learner.settings
    # One for the best epoch, one for where training stands: Lightning's own `last` is written
    # only when there is a new best.
    best, last = (
        ModelCheckpoint(
            folder, filename=name, monitor=monitor, save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        for name, monitor in ((_BEST, "val_loss"), (_LAST, None))
    )  # fmt: skip
    callbacks: list[Callback] = [Quiet(), best, last, Sane(), *more]
    if settings.patience:
        callbacks.append(EarlyStopping("val_loss", patience=settings.patience))
    if progress:
        callbacks.append(RichProgressBar(console_kwargs={"stderr": True}))
    return L.Trainer(
        max_epochs=settings.epochs,
        devices=devices,
        strategy=_strategy(learner, devices),
        sync_batchnorm=devices > 1 and torch.cuda.is_available(),
        precision=_precision() if learner.is_whole else "32-true",
        callbacks=callbacks,
        logger=TensorBoardLogger(folder, name=None, version="tensorboard"),
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        log_every_n_steps=10,
    )


def _strategy(learner: Learner, devices: int) -> str:
    """Processes are started from here: a command that is run again in each would do all twice."""
    if devices == 1:
        return "auto"
    # Blocks that do not learn yet have no gradients to wait for.
    return "ddp_spawn_find_unused_parameters_true" if learner.is_whole else "ddp_spawn"


def _train(trainer: L.Trainer, learner: Learner, batches: Batches, folder: Path) -> None:
    standing = _checkpoint(folder, Keep.LAST)
    trainer.fit(
        learner,
        datamodule=_Data(batches),
        ckpt_path=str(standing) if standing.exists() else None,
    )
    (folder / _ENDED).touch()


@contextmanager
def _told_plainly(folder: Path) -> Iterator[None]:
    """Ctrl-C as such, and a disk that takes no more as a sentence."""
    try:
        yield
    except SystemExit as end:
        # What Lightning makes of Ctrl-C.
        if isinstance(end.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from None
        raise
    except ProcessRaisedException as error:
        last = str(error).strip().splitlines()[-1]
        raise MaskwatchError(
            f"one of the training's processes ended: {last}; run the same command again to go on"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise SinkError(
            f"cannot write into {folder}: {error.strerror}; run the same command again to go on"
        ) from error


def _finite_state(folder: Path, keep: Keep) -> dict[str, Tensor]:
    """The weights that are kept."""
    chosen = _checkpoint(folder, keep)
    state: dict[str, Tensor] = torch.load(chosen, map_location="cpu", weights_only=False)[
        "state_dict"
    ]
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise ModelInvalid(
            f"the training in {folder} ended in weights that are no numbers: begin anew with "
            "--overwrite and a smaller --lr"
        )
    return state


def _checkpoint(folder: Path, which: Keep) -> Path:
    return folder / f"{_BEST if which is Keep.BEST else _LAST}.ckpt"


def _precision() -> Any:
    """Half the bits where the processor computes with them; elsewhere they are slower."""
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "32-true"
    return "bf16-mixed" if "amx_bf16" in flags or "avx512_bf16" in flags else "32-true"
