"""Corrections of labels."""

from pathlib import Path

import numpy as np
import pytest

from maskwatch.data.corrections import Correction, corrected, read_corrections, write_corrections
from maskwatch.data.labelled import LabelledPicture
from maskwatch.errors import SourceError
from maskwatch.types import MaskState

BOX = (10.0, 20.0, 50.4, 70.0)
SHORT_BOX = '[{"image": "a.jpg", "box": [1, 2, 3], "old": "mask", "new": "mask", "reason": ""}]'
FIXES = [
    Correction("a.jpg", BOX, MaskState.MASK, MaskState.INCORRECT, "nose out"),
    Correction("b.jpg", None, MaskState.NO_MASK, MaskState.UNKNOWN, "seen from behind"),
]


def test_written_and_read_again(tmp_path: Path) -> None:
    write_corrections(tmp_path / "fixes.json", FIXES)
    assert read_corrections(tmp_path / "fixes.json") == FIXES


def test_only_the_face_meant_changes() -> None:
    boxes = np.array([BOX, (10, 20, 52, 70), (0, 0, 5, 5)], np.float32)
    crowd = LabelledPicture(Path("x/a.jpg"), boxes, (MaskState.MASK,) * 3)
    single = LabelledPicture(Path("x/b.jpg"), None, (MaskState.NO_MASK,))
    other = LabelledPicture(Path("x/c.jpg"), boxes, (MaskState.MASK,) * 3)
    got = [picture.states for picture in corrected([crowd, single, other], FIXES)]
    mask = MaskState.MASK
    assert got == [(MaskState.INCORRECT, mask, mask), (MaskState.UNKNOWN,), (mask, mask, mask)]


def test_a_correction_that_fits_no_face_is_named() -> None:
    boxes = np.array([BOX], np.float32)
    picture = LabelledPicture(Path("a.jpg"), boxes, (MaskState.NO_MASK,))
    pictures = corrected([picture], FIXES[:1])
    assert next(pictures).states == (MaskState.NO_MASK,)
    with pytest.raises(SourceError, match=r"1 corrections fit no labelled face, the first in a"):
        next(pictures)


@pytest.mark.parametrize("text", ["", "[1]", '[{"image": "a.jpg"}]', SHORT_BOX])
def test_no_corrections(tmp_path: Path, text: str) -> None:
    (tmp_path / "fixes.json").write_text(text)
    with pytest.raises(SourceError, match="not a file of corrections"):
        read_corrections(tmp_path / "fixes.json")
