"""The trainings behind the models that ship, and the plain one they are compared with."""

from dataclasses import dataclass

from maskwatch.errors import UsageError
from maskwatch.training.augment import Augmentation
from maskwatch.training.fit import Recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """How a bundle comes to be: one training or several that answer together, then perhaps 8 bits.

    `taught` says that another run teaches; `corrected` that known wrong labels are corrected.
    """

    recipes: tuple[Recipe, ...]
    taught: bool = False
    corrected: bool = True
    quantised: bool = True

    def __post_init__(self) -> None:
        scales = [recipe.side / (1 + 2 * recipe.margin) for recipe in self.recipes]
        if max(scales) > 1.01 * min(scales) or self.recipes[0].side != max(
            recipe.side for recipe in self.recipes
        ):
            raise UsageError(
                "trainings that answer together must show a face at one size, the widest view first"
            )


STANDARD = Recipe(
    side=128, margin=0.2, early_side=96, early_steps=2600, steps=4400, average_decay=0.997
)
NARROW = Recipe(side=110, margin=0.1, steps=1600, seed=7, source_weights=(1.0, 0.6, 0.25))
SMALL = Recipe(
    blocks=14,
    side=96,
    margin=0.12,
    steps=1500,
    learning_rate=8e-4,
    average_decay=0.997,
    teacher_share=0.7,
)
_PLAIN_LOOKS = Augmentation(lying=0, colour=0.3, degrade=0, drawn_mask=0, drawn_thing=0, erase=0)
REFERENCE = Recipe(steps=350, batch=64, augmentation=_PLAIN_LOOKS)

PLANS = {
    "standard": Plan((STANDARD, NARROW)),
    "small": Plan((SMALL,), taught=True),
    "reference": Plan((REFERENCE,), corrected=False, quantised=False),
}
"""By the name of the bundle."""
