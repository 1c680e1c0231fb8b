import pytest

from maskwatch.data.names import classes_of, parse_classes, split_of, state_of
from maskwatch.errors import UsageError
from maskwatch.types import MaskState


@pytest.mark.parametrize(
    ("names", "state"),
    [
        ("mask Mask with_mask WithMask masked with-mask face_with_mask with correct", "mask"),
        ("CMFD facemask wearing_mask mask_worn_correctly MaskOn", "mask"),
        ("no_mask without_mask NoMask Non-Mask nomask unmasked bare without face", "no_mask"),
        ("faces bare_face", "no_mask"),
        ("without.mask withoutmask no-mask face_no_mask not_masked mask_off", "no_mask"),
        ("incorrect mask_weared_incorrect wrong_mask improper WrongMask IMFD", "incorrect"),
        ("incorrectly_worn partially_masked not_correctly_worn", "incorrect"),
    ],
)
def test_usual_spellings(names: str, state: str) -> None:
    assert {name: state_of(name) for name in names.split()} == dict.fromkeys(
        names.split(), MaskState(state)
    )


@pytest.mark.parametrize(
    "name",
    [
        *["hat", "0", "", "person", "helmet", "China", "machine", "ohne_maske", "gas_mask"],
        *["eye_mask", "unknown_mask", "face_shield", "no_face", "mask_covering_nose", "mask2"],
    ],
)
def test_other_names_are_not_guessed(name: str) -> None:
    assert state_of(name) is None


def test_non_mask_with_a_space() -> None:
    assert state_of("Non Mask") is MaskState.NO_MASK


def test_parts() -> None:
    words = ["Train", "training", "valid", "val", "Testing", "images"]
    assert [split_of(word) for word in words] == ["train", "train", "val", "val", "test", None]


def test_classes_are_given_or_understood() -> None:
    given = parse_classes("0=mask, 1=no_mask,hat=skip,a=b=mask")
    assert given == {
        "0": MaskState.MASK,
        "1": MaskState.NO_MASK,
        "hat": None,
        "a=b": MaskState.MASK,
    }
    assert classes_of(["hat", "0", "wrong"], given) == {
        "hat": None,
        "0": MaskState.MASK,
        "wrong": MaskState.INCORRECT,
    }
    with pytest.raises(UsageError, match="--classes '7=mask'"):
        classes_of(["7"], given)
    assert parse_classes(None) == {}


@pytest.mark.parametrize("text", ["mask", "a=hat", "a=unknown", "=mask"])
def test_classes_that_are_not_understood(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=STATE"):
        parse_classes(text)
