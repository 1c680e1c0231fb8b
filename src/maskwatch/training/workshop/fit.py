"""Training with Lightning: the loop, what it logs, where it goes on after a kill."""

import csv
import errno
import logging
import math
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
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
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from maskwatch.errors import ModelInvalid, SinkError
from maskwatch.evaluation.training import HISTORY, read_history
from maskwatch.training.workshop.choices import Keep, Loss, Optimizer
from maskwatch.training.workshop.networks import CNN, Classifier, last_blocks
from maskwatch.training.workshop.settings import NO_WEIGHTS, TrainSettings

Loader = Callable[[int], Iterator[tuple[Tensor, Tensor]]]
"""From an epoch's number to its batches: inputs (n, ...) and labels (n,)."""
_LAST, _BEST, _ENDED = "last", "best", "ended"
_SLOWER = 0.1
"""Of the learning rate, for a pretrained backbone that learns beside its new head."""
_ADAM_EPSILON = 1e-7
"""Keras's; torch has 1e-8."""
_logger = logging.getLogger(__name__)
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Where batches come from, and how many there are of each."""

    train: Loader
    val: Loader
    steps: int
    val_steps: int


class Learner(L.LightningModule):
    """A network that learns; of a frozen one the head alone, which is given features.

    Args:
        network: what learns and answers: the whole, or its head.
        settings: how.
        class_weights: shape (classes,).
        whole: the network is a `Classifier`, with a backbone whose blocks may be frozen.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: TrainSettings,
        class_weights: Tensor,
        *,
        whole: Classifier | None = None,
    ) -> None:
        super().__init__()
        self.network, self.settings, self._whole = network, settings, whole
        self.class_weights = class_weights
        self._learning = _learning_blocks(whole, settings) if whole is not None else []
        self._falls: torch.optim.lr_scheduler.ReduceLROnPlateau | None = None
        self._kept_falls: dict[str, Any] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether a backbone is part of what is computed."""
        return self._whole is not None

    def on_train_epoch_start(self) -> None:
        """Draws of dropout depend on the epoch alone; blocks begin to learn when it is time."""
        torch.manual_seed(self.settings.seed * 1_000_003 + self.current_epoch)
        self.network.train()
        if self._whole is None or _from_scratch(self.settings):
            return
        self._whole.base.requires_grad_(requires_grad=False)
        # Statistics of few pictures would spoil those of a million.
        self._whole.base.eval()
        if self.current_epoch >= self.settings.head_epochs:
            for block in self._learning:
                block.requires_grad_(requires_grad=True)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Loss of a batch."""
        return self._step(batch, "train", smoothing=self.settings.label_smoothing)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Loss and accuracy are gathered."""
        self._step(batch, "val", smoothing=0.0)

    def _step(self, batch: tuple[Tensor, Tensor], part: str, *, smoothing: float) -> Tensor:
        inputs, labels = batch
        logits = self.network(inputs)
        weights = self.class_weights.to(logits.device)
        loss = loss_of(logits.float(), labels, weights, self.settings.loss, smoothing)
        right = (logits.argmax(dim=1) == labels).float().mean()
        for name, value in (("loss", loss), ("accuracy", right)):
            self.log(
                f"{part}_{name}", value.detach(), on_step=False, on_epoch=True,
                batch_size=len(labels), prog_bar=part == "val", sync_dist=True,
            )  # fmt: skip
        return loss

    def configure_optimizers(self) -> Any:
        """The settings' optimiser, with Keras's decay or a fall at plateaus."""
        settings = self.settings
        optimiser = optimiser_of(self._groups(), settings)
        if settings.decay:
            decay = torch.optim.lr_scheduler.LambdaLR(
                optimiser, lambda step: 1 / (1 + settings.decay * step)
            )
            return [optimiser], [{"scheduler": decay, "interval": "step"}]
        if settings.plateau:
            # Torch counts the epochs after which it falls from 0, Keras from 1.
            self._falls = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimiser, factor=0.2, patience=settings.plateau - 1, threshold_mode="abs"
            )
        return optimiser

    def on_train_epoch_end(self) -> None:
        """Fall at a plateau: here, since Lightning's own step comes after the checkpoint."""
        loss = self.trainer.callback_metrics.get("val_loss")
        if self._falls is not None and loss is not None:
            self._falls.step(float(loss))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep how long the loss has not become better."""
        if self._falls is not None:
            checkpoint["falls"] = self._falls.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it up again."""
        self._kept_falls = checkpoint.get("falls")

    def on_train_start(self) -> None:
        """The scheduler is there by now."""
        if self._falls is not None and self._kept_falls is not None:
            self._falls.load_state_dict(self._kept_falls)

    def _groups(self) -> list[dict[str, Any]]:
        lr = self.settings.lr
        if self._whole is None:
            return [{"params": list(self.network.parameters()), "lr": lr}]
        slower = lr if _from_scratch(self.settings) else lr * _SLOWER
        groups = [{"params": list(self._whole.head.parameters()), "lr": lr}]
        learning = [p for block in self._learning for p in block.parameters()]
        return [*groups, {"params": learning, "lr": slower}] if learning else groups


def loss_of(
    logits: Tensor, labels: Tensor, class_weights: Tensor, kind: Loss, smoothing: float = 0.0
) -> Tensor:
    """The mean loss of a batch.

    Args:
        logits: shape (n, classes).
        labels: shape (n,).
        class_weights: shape (classes,).
        kind: which loss.
        smoothing: share of a label that goes to all states.
    """
    if kind is Loss.CATEGORICAL:
        return cross_entropy(logits, labels, weight=class_weights, label_smoothing=smoothing)
    truth = one_hot(labels, logits.shape[1]).float()
    truth = truth * (1 - smoothing) + smoothing / logits.shape[1]
    losses = binary_cross_entropy_with_logits(logits, truth, reduction="none").mean(dim=1)
    weights = class_weights[labels]
    return (losses * weights).sum() / weights.sum()


def optimiser_of(
    parameters: list[dict[str, Any]], settings: TrainSettings
) -> torch.optim.Optimizer:
    """The settings' optimiser for groups of parameters."""
    match settings.optimizer:
        case Optimizer.ADAM:
            return torch.optim.Adam(parameters, settings.lr, eps=_ADAM_EPSILON)
        case Optimizer.ADAMW:
            return torch.optim.AdamW(parameters, settings.lr, weight_decay=0.02)
        case Optimizer.SGD:
            return torch.optim.SGD(parameters, settings.lr, momentum=0.9)
        case Optimizer.RMSPROP:
            return torch.optim.RMSprop(parameters, settings.lr, alpha=0.9, eps=_ADAM_EPSILON)


def _from_scratch(settings: TrainSettings) -> bool:
    return settings.weights == NO_WEIGHTS or settings.backbone == CNN


def _learning_blocks(whole: Classifier, settings: TrainSettings) -> list[nn.Module]:
    if _from_scratch(settings):
        return [whole.base]
    return list(last_blocks(whole.base, settings.fine_tune)) if settings.fine_tune else []


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


class _History(Callback):
    """A row an epoch in a CSV; a resumed run goes on below the rows that it has not yet to do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        rows = [row for row in read_history(self._path) if row["epoch"] < trainer.current_epoch]
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        lr = trainer.optimizers[0].param_groups[0]["lr"]
        rows.append({"epoch": trainer.current_epoch, **dict(sorted(values.items())), "lr": lr})
        part = self._path.with_suffix(".part")
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[-1])
            writer.writeheader()
            writer.writerows(rows)
        part.replace(self._path)


class _Sane(Callback):
    """Stops where the loss is no number: what follows would be none either."""

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        loss = trainer.callback_metrics.get("train_loss")
        if loss is not None and not math.isfinite(float(loss)):
            _logger.warning("the loss is no number any more: stopped; try a smaller --lr")
            trainer.should_stop = True


def fit(
    learner: Learner,
    batches: Batches,
    folder: Path,
    *,
    progress: bool = False,
    more: Sequence[Callback] = (),
) -> Learner:
    """Train, going on from the last epoch that a killed run finished; returns the chosen weights.

    Args:
        learner: what learns.
        batches: what it learns from.
        folder: gets checkpoints, `history.csv` and TensorBoard's log.
        progress: whether to draw a bar.
        more: callbacks that watch, too.

    Raises:
        ModelInvalid: the loss became no number, and so did the weights.
        SinkError: a checkpoint cannot be written; those before it stay valid.
    """
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
    callbacks: list[Callback] = [best, last, _History(folder / HISTORY), _Sane(), *more]
    if settings.patience:
        callbacks.append(EarlyStopping("val_loss", patience=settings.patience))
    if progress:
        callbacks.append(RichProgressBar(console_kwargs={"stderr": True}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # About workers and folders, which are meant to be so.
        trainer = L.Trainer(
            max_epochs=settings.epochs,
            # Batches are made here, not by a loader that Lightning could deal out to several GPUs.
            devices=1,
            precision=_precision() if learner.is_whole else "32-true",
            callbacks=callbacks,
            logger=TensorBoardLogger(folder, name=None, version="tensorboard"),
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,
            log_every_n_steps=10,
        )
        standing = _checkpoint(folder, Keep.LAST)
        try:
            if not (folder / _ENDED).exists():
                trainer.fit(
                    learner,
                    datamodule=_Data(batches),
                    ckpt_path=str(standing) if standing.exists() else None,
                )
                (folder / _ENDED).touch()
        except SystemExit as end:
            # What Lightning makes of Ctrl-C.
            if isinstance(end.__context__, KeyboardInterrupt):
                signal.signal(signal.SIGINT, signal.default_int_handler)
                raise KeyboardInterrupt from None
            raise
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
                raise
            raise SinkError(
                f"cannot write into {folder}: {error.strerror}; run the same command again to go on"
            ) from error
    chosen = _checkpoint(folder, settings.keep)
    state = torch.load(chosen, map_location="cpu", weights_only=False)["state_dict"]
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise ModelInvalid(
            f"the training in {folder} ended in weights that are no numbers: begin anew with "
            "--overwrite and a smaller --lr"
        )
    learner.load_state_dict(state)
    return learner.cpu().eval()


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
