"""The options of a training, and the settings that they make: for train, tune and ablate."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskwatch.errors import UsageError
from maskwatch.training.workshop.choices import (
    ClassWeights,
    Keep,
    Loss,
    Optimizer,
    Pool,
    Preprocess,
    PresetName,
    Resize,
)

if TYPE_CHECKING:
    from maskwatch.training.workshop.settings import TrainSettings

_GROUP = "Training"
_OPTIONS: dict[str, tuple[Any, str]] = {
    "preset": (PresetName, "A published training; what is named beside it takes precedence."),
    "backbone": (str, "mobilenetv2, resnet50, inceptionv3, cnn, or a name of timm's."),
    "weights": (str, "Its first weights: imagenet, none, or a file of torchvision, timm or Keras."),
    "classes": (str, "2 or 3 states; or what class names mean: 0=mask,1=no_mask,hat=skip."),
    "input_size": (int, "Side of the network's picture in pixels."),
    "head": (str, "Pool and dense layers: avg,128 or max,256,64 or flatten."),
    "dropout": (float, "Share of features dropped before the answer."),
    "preprocess": (Preprocess, "What becomes of pixels, in Keras's names."),
    "resize": (Resize, "How faces are brought to that size."),
    "augment": (str, "Random changes: rotation=20,zoom=0.1,shift=0.1,shear=0.2,hflip; or none."),
    "epochs": (int, "Times that every picture is seen, at most."),
    "batch": (int, "Pictures a step."),
    "lr": (float, "Learning rate."),
    "decay": (float, "Divides the learning rate by 1 + decay * step."),
    "loss": (Loss, "What training makes small; binary as Keras does it over a softmax."),
    "optimizer": (Optimizer, "Which rule moves the weights."),
    "fine_tune": (int, "So many of the backbone's last blocks learn, too."),
    "head_epochs": (int, "Epochs in which the head learns alone, before that."),
    "label_smoothing": (float, "Share of a label that goes to all states."),
    "class_weights": (ClassWeights, "Whether rare states count more."),
    "patience": (int, "Stop after so many epochs without a better validation loss; 0 never."),
    "plateau": (int, "After so many, a fifth of the learning rate; 0 never."),
    "keep": (Keep, "Which epoch's weights become the bundle."),
    "views": (int, "Views of each picture whose features are computed once; 0: anew each epoch."),
    "seed": (int, "The same seed gives the same result."),
}
_NUMBERS = ("2", "3")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a user chose of a training, and `names`: what class names mean."""

    preset: str | None
    values: dict[str, Any]
    names: str | None

    def settings(self) -> "TrainSettings":
        """The preset's settings, or the defaults, with what was chosen.

        Raises:
            UsageError: a value out of its range.
        """
        from maskwatch.training.workshop.presets import PRESETS
        from maskwatch.training.workshop.settings import TrainSettings

        known = TrainSettings() if self.preset is None else PRESETS[self.preset].settings
        return known.but(**_translated(self.values))


def with_training(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a training; it receives them as `chosen`, its last argument."""
    own = list(inspect.signature(command).parameters.values())[:-1]
    added = [_parameter(name, kind, words) for name, (kind, words) in _OPTIONS.items()]

    def wrapper(**values: Any) -> None:
        given = {name: values.pop(name) for name in _OPTIONS}
        chosen = {name: value for name, value in given.items() if value is not None}
        classes = chosen.pop("classes", None)
        if classes in _NUMBERS:
            chosen["classes"] = int(classes)
        names = None if classes in _NUMBERS else classes
        command(**values, chosen=Chosen(chosen.pop("preset", None), chosen, names))

    wrapper.__doc__ = command.__doc__
    wrapper.__name__ = command.__name__
    wrapper.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in [*own, *added]}
    return wrapper


def _parameter(name: str, kind: Any, words: str) -> inspect.Parameter:
    flag = f"--{name.replace('_', '-')}"
    option = typer.Option(flag, help=words, rich_help_panel=_GROUP)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _translated(values: dict[str, Any]) -> dict[str, Any]:
    """Words into what settings hold."""
    from maskwatch.data.augment import parse_augmentation

    out = dict(values)
    if "augment" in out:
        out["augment"] = parse_augmentation(out["augment"])
    if "head" in out:
        pool, *units = (word.strip() for word in out.pop("head").split(","))
        try:
            out["pool"], out["units"] = Pool(pool), tuple(int(unit) for unit in units)
        except ValueError as error:
            raise UsageError(
                f"--head takes {', '.join(Pool)}, then the units of dense layers: avg,128; {error}"
            ) from error
    return out
