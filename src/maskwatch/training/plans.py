"""The trainings behind the models that ship, and those that they are compared with."""

from dataclasses import dataclass, replace

from maskwatch.errors import UsageError
from maskwatch.training.augment import FaceAugmentation
from maskwatch.training.fit import Recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """How a bundle comes to be: members that answer together, then perhaps 8 bits.

    Each member is one training, or the mean of the weights of several. `teachers` are the plans
    whose finished runs teach; `starts_as_their_mean` that the first weights are the mean of theirs,
    and not ImageNet's (Wortsman et al. 2022); `starts_as` the plans whose members this one's go on
    from, one each; `corrected` that known wrong labels are corrected.
    """

    members: tuple[tuple[Recipe, ...], ...]
    teachers: tuple[str, ...] = ()
    starts_as_their_mean: bool = False
    starts_as: tuple[str, ...] = ()
    corrected: bool = True
    quantised: bool = True

    def __post_init__(self) -> None:
        looks = [[(recipe.side, recipe.margin) for recipe in member] for member in self.members]
        if any(len(set(of_member)) != 1 for of_member in looks):
            raise UsageError("only trainings of one size and margin can be averaged")
        scales = [side / (1 + 2 * margin) for (side, margin), *_ in looks]
        if max(scales) > 1.02 * min(scales):
            raise UsageError("members that answer together must show a face at one size")
        if self.sides[0] != max(self.sides):
            raise UsageError("the member with the widest view comes first")

    @property
    def first(self) -> Recipe:
        """The recipe of the widest view: the bundle's input."""
        return self.members[0][0]

    @property
    def sides(self) -> tuple[int, ...]:
        """The side of each member's pictures in pixels."""
        return tuple(member[0].side for member in self.members)

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """All trainings in their order."""
        return tuple(recipe for member in self.members for recipe in member)


_MILD_LOOKS = FaceAugmentation(
    shift=0.05, zoom=0.12, rotation_deg=8, lying=0, degrade=0.3, drawn_mask=0.15, drawn_thing=0
)
FORERUNNER = (
    Recipe(augmentation=_MILD_LOOKS),
    Recipe(
        steps=900,
        seed=7,
        learning_rate=3e-4,
        source_weights=(1.0, 0.8, 0.2),
        augmentation=_MILD_LOOKS,
    ),
)
WIDE = Recipe(
    side=128, margin=0.2, early_side=96, early_steps=2600, steps=4400, average_decay=0.997
)
NARROW = Recipe(side=110, steps=1600, seed=7, source_weights=(1.0, 0.6, 0.25))
TAUGHT = Recipe(
    side=128,
    margin=0.2,
    steps=2000,
    learning_rate=2e-4,
    average_decay=0.998,
    source_weights=(1.0, 0.8, 0.3),
    teacher_share=0.7,
)
_REAL_MASKS = FaceAugmentation(drawn_mask=0.22, drawn_thing=0.15, real_mask=0.65)
_AGAIN = replace(TAUGHT, steps=1200, seed=3, augmentation=_REAL_MASKS)
WIDE_AGAIN = (replace(_AGAIN, teacher_share=0.5), replace(_AGAIN, teacher_share=0))
NARROW_AGAIN = replace(
    _AGAIN,
    side=110,
    margin=0.1,
    teacher_share=0.0,
    seed=11,
    augmentation=replace(_MILD_LOOKS, lying=0.03, drawn_mask=0.2, drawn_thing=0.1, real_mask=0.65),
)
WIDE_LAST = replace(
    _AGAIN,
    side=120,
    margin=0.155,
    steps=1500,
    learning_rate=3e-4,
    mixed_styles=0.5,
    seed=31,
    source_weights=(1.0, 0.8, 0.25),
    teacher_share=0.0,
    augmentation=replace(_REAL_MASKS, drawn_thing=0.2, other_person=0.08),
)
_NARROW_LAST = replace(
    NARROW_AGAIN,
    steps=1400,
    learning_rate=3e-4,
    mixed_styles=0.5,
    seed=32,
    augmentation=replace(NARROW_AGAIN.augmentation, drawn_thing=0.16, other_person=0.08),
)
NARROW_LAST = (_NARROW_LAST, replace(_NARROW_LAST, seed=33, source_weights=(1.0, 0.6, 0.2)))
SMALL = Recipe(
    blocks=14,
    side=96,
    margin=0.12,
    steps=2400,
    learning_rate=8e-4,
    average_decay=0.998,
    source_weights=(1.0, 0.8, 0.3),
    teacher_share=0.8,
    mixed_styles=0.5,
    augmentation=WIDE_LAST.augmentation,
)
LITE = Recipe(
    backbone="tf_efficientnet_lite0",
    side=128,
    margin=0.2,
    early_side=96,
    early_steps=500,
    steps=1000,
)
_MILDER_LOOKS = replace(_MILD_LOOKS, lying=0.03, drawn_thing=0.12)
LITE_AGAIN = replace(
    LITE,
    seed=7,
    learning_rate=3e-4,
    source_weights=(1.0, 0.8, 0.2),
    augmentation=_MILDER_LOOKS,
)
_PLAIN_LOOKS = FaceAugmentation(
    lying=0, colour=0.3, degrade=0, drawn_mask=0, drawn_thing=0, erase=0
)
REFERENCE = Recipe(steps=350, batch=64, augmentation=_PLAIN_LOOKS)

PLANS = {
    "forerunner": Plan((FORERUNNER,), corrected=False),
    "teacher": Plan(((WIDE,), (NARROW,))),
    "taught": Plan(((TAUGHT,),), teachers=("teacher", "forerunner"), starts_as_their_mean=True),
    "paired": Plan(
        (WIDE_AGAIN, (NARROW_AGAIN,)),
        teachers=("taught", "forerunner"),
        starts_as=("taught", "forerunner"),
    ),
    "standard": Plan(((WIDE_LAST,), NARROW_LAST), starts_as=("paired",)),
    "small": Plan(((SMALL,),), teachers=("standard",)),
    "lite": Plan(((LITE, LITE_AGAIN),)),
    "reference": Plan(((REFERENCE,),), corrected=False, quantised=False),
}
"""By the name of the bundle."""
