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
_WRONG = re.compile(r"incorrect|improper|wrong|partial|misworn|uncover|nose|chin|imfd")
_NOT = frozenset({"no", "non", "not", "none", "without", "off", "bare", "un", "unmasked", "face"})
_NOT_AS_ONE = re.compile(r"^(no|non|without|un)mask")
_WORN = re.compile(r"mask|cmfd|^with$|^correct|^proper")


def state_of(name: str) -> MaskState | None:
    """The state that a class name means, None where it means none that is known.

    `with_mask`, `Mask`, `masked` and `correct` are mask; `without_mask`, `Non Mask`, `NoMask`,
    `unmasked` and `face` no_mask; `mask_weared_incorrect`, `wrong_mask`, `improper` incorrect.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    words = [word for word in re.split(r"[^a-z]+", spaced) if word]
    if not words:
        return None
    if _WRONG.search(spaced) or {"not", "correctly"} <= set(words):
        return MaskState.INCORRECT
    if set(words) - {"with"} <= {"face", "mask"} and "mask" in words:
        return MaskState.MASK
    if _NOT & set(words) or any(_NOT_AS_ONE.match(word) for word in words):
        return MaskState.NO_MASK
    return MaskState.MASK if any(_WORN.search(word) for word in words) else None


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
