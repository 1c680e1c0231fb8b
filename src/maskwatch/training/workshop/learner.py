"""What learns, as Lightning wants it: loss, optimiser, and which blocks learn when."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from maskwatch.training.workshop.backbones import CNN, last_blocks
from maskwatch.training.workshop.choices import Loss, Optimizer
from maskwatch.training.workshop.networks import Classifier
from maskwatch.training.workshop.settings import NO_WEIGHTS, TrainSettings

_SLOWER = 0.1
"""Of the learning rate, for a pretrained backbone that learns beside its new head."""
_ADAM_EPSILON = 1e-7
"""Keras's; torch has 1e-8."""


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
        """Draws of dropout depend on the epoch (and the process) alone; blocks begin to learn when
        it is time."""
        draw = self.settings.seed * 1_000_003 + self.current_epoch
        torch.manual_seed(draw + 7_368_787 * self.global_rank)
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
