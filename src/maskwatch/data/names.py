"""What people call the states and the parts of a set, in any usual spelling."""

import re
from collections.abc import Iterable, Mapping

from maskwatch.errors import UsageError
from maskwatch.types import CLASSES, MaskState

SPLITS = ("train", "val", "test")
SKIP = "skip"
Classes = Mapping[str, MaskState | None]
"""Class names as they are written, and what they stand for: a state, or None to leave them out."""

_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
# A name is understood if it is made of these words and nothing else; a guess would invert labels.
_MASK = ("masked", "masks", "mask", "cmfd", "imfd")
_NOT = ("without", "unmasked", "none", "non", "not", "bare", "off", "no", "un")
_WRONG = (
    "incorrectly", "incorrect", "improperly", "improper", "wrongly", "wrong", "partially",
    "partial", "misworn", "badly", "bad", "imfd",
)  # fmt: skip
_RIGHT = ("correctly", "correct", "properly", "proper", "good")
_OTHER = ("faces", "face", "wearing", "weared", "wear", "worn", "with", "on")
_ANY = sorted({*_MASK, *_NOT, *_WRONG, *_RIGHT, *_OTHER}, key=len, reverse=True)
_WORD = re.compile("|".join(_ANY))
_NAME = re.compile(f"(?:{'|'.join(_ANY)})+")


def state_of(name: str) -> MaskState | None:
    """The state that a class name means, None where it means none that is known.

    `with_mask`, `Mask`, `masked` and `correct` are mask; `without_mask`, `Non Mask`, `NoMask`,
    `unmasked` and `face` no_mask; `mask_weared_incorrect`, `wrong_mask`, `improper` incorrect.
    """
    parts = [part for part in re.split(r"[^a-z]+", name.lower()) if part]
    if re.search(r"[0-9]", name) or not parts or not all(map(_NAME.fullmatch, parts)):
        return None
    words = {word for part in parts for word in _WORD.findall(part)}
    denied = bool(words & set(_NOT))
    if words & set(_WRONG) or (denied and words & set(_RIGHT)):
        return MaskState.INCORRECT
    if words <= {"face", "faces"} or words <= {"without", "bare", "unmasked", "face", "faces"}:
        return MaskState.NO_MASK
    if denied:
        return MaskState.NO_MASK if words & {*_MASK, "unmasked"} else None
    return MaskState.MASK if words & {*_MASK, *_RIGHT, "with"} else None


def split_of(name: str) -> str | None:
    """`train`, `val` or `test` for the usual names of folders, None for all others."""
    return _SPLIT_WORDS.get(name.strip().lower())


def classes_of(names: Iterable[str], given: Classes | None = None) -> dict[str, MaskState | None]:
    """What each class name stands for: as `given`, or else by its spelling.

    Args:
        names: as they are written in the set.
        given: what takes precedence.

    Raises:
        UsageError: a name that is neither given nor understood.
    """
    out: dict[str, MaskState | None] = {}
    for name in names:
        out[name] = given[name] if given and name in given else state_of(name)
        if out[name] is None and not (given and name in given):
            raise UsageError(
                f"the class {name!r} is none that is known: say what it is, with "
                f"--classes '{name}=mask' (or no_mask, incorrect, skip)"
            )
    return out


def parse_classes(text: str | None) -> dict[str, MaskState | None]:
    """`hat=skip,0=mask` as a mapping; empty for None.

    Raises:
        UsageError: not of that form, or a word that is no state.
    """
    out: dict[str, MaskState | None] = {}
    for part in filter(None, (text or "").split(",")):
        name, equals, word = (piece.strip() for piece in part.rpartition("="))
        if not name or not equals or word not in (*CLASSES, SKIP):
            raise UsageError(
                f"--classes takes NAME=STATE with commas, STATE one of {', '.join(CLASSES)} or "
                f"{SKIP}; got {part!r}"
            )
        out[name] = None if word == SKIP else MaskState(word)
    return out
