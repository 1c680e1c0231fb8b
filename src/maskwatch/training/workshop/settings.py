"""What a training is: every choice with its default. Nothing here needs torch."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from maskwatch.data.augment import Augmentation
from maskwatch.errors import UsageError
from maskwatch.training.workshop.choices import (
    ClassWeights,
    Keep,
    Loss,
    Optimizer,
    Pool,
    Preprocess,
    Resize,
)

IMAGENET, NO_WEIGHTS = "imagenet", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """One training.

    `backbone` is mobilenetv2, resnet50, inceptionv3 (built as Keras builds them), cnn, or a name of
    timm; `weights` imagenet, none or a file. `units` are the dense layers between pool and answer.
    `decay` divides the learning rate by 1 + decay * step, as Keras's old optimisers do.
    `fine_tune` is how many of the backbone's last blocks learn too, after `head_epochs` in which
    the head learns alone; all of them where it has fewer. `patience` and `plateau` are the epochs
    without a better validation loss after which training stops, or the learning rate falls to a
    fifth; 0 never. `views` are the augmented views of each picture whose features are computed
    once where the backbone is frozen; 0 computes every epoch's anew.
    """

    backbone: str = "mobilenetv2"
    weights: str = IMAGENET
    preprocess: Preprocess = Preprocess.OWN
    input_size: int = 224
    resize: Resize = Resize.AREA
    classes: int = 0
    pool: Pool = Pool.AVG
    units: tuple[int, ...] = ()
    dropout: float = 0.2
    optimizer: Optimizer = Optimizer.ADAM
    lr: float = 1e-3
    decay: float = 0.0
    batch: int = 32
    epochs: int = 20
    augment: Augmentation = field(default_factory=Augmentation)
    fine_tune: int = 0
    head_epochs: int = 3
    loss: Loss = Loss.CATEGORICAL
    label_smoothing: float = 0.0
    class_weights: ClassWeights = ClassWeights.NONE
    patience: int = 0
    plateau: int = 0
    keep: Keep = Keep.BEST
    views: int = 10
    seed: int = 42

    def __post_init__(self) -> None:
        for name in ("input_size", "batch", "epochs"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.input_size < 32:
            raise UsageError(f"an input of {self.input_size} px is too small: take 32 or more")
        if not 0 < self.lr < 10:
            raise UsageError(f"lr must be above 0 and below 10, got {self.lr}")
        if not 0 <= self.dropout < 1 or not 0 <= self.label_smoothing < 1:
            raise UsageError("dropout and label smoothing are at least 0 and below 1")
        if self.classes not in (0, 2, 3):
            raise UsageError(f"classes are 2 or 3 (0: as many as the set has), got {self.classes}")
        if min(self.fine_tune, self.head_epochs, self.patience, self.plateau, self.views) < 0:
            raise UsageError("fine-tune, head-epochs, patience, plateau, views are 0 or more")
        if self.decay < 0:
            raise UsageError(f"decay is 0 or more, got {self.decay}")
        if self.fine_tune and self.head_epochs >= self.epochs:
            raise UsageError(
                f"of {self.epochs} epochs the head learns alone in {self.head_epochs}: none is "
                "left to fine-tune; name fewer --head-epochs or more --epochs"
            )
        if self.decay and self.plateau:
            raise UsageError("a decay sets the learning rate at every step: no plateau beside it")
        if any(units < 1 for units in self.units):
            raise UsageError(f"dense layers have at least one unit, got {self.units}")

    @property
    def frozen(self) -> bool:
        """Whether the backbone never learns."""
        return self.fine_tune == 0 and self.backbone != "cnn" and self.weights != NO_WEIGHTS

    def but(self, **changes: Any) -> "TrainSettings":
        """The same with some values changed; None changes nothing."""
        return replace(self, **{key: value for key, value in changes.items() if value is not None})

    def plain(self) -> dict[str, Any]:
        """As values that JSON holds."""
        values = asdict(self)
        return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
