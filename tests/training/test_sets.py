"""The sets behind the shipped models."""

import json
from pathlib import Path

import numpy as np
import pytest

from maskwatch.data.corrections import Correction, write_corrections
from maskwatch.errors import SourceError
from maskwatch.images import encode
from maskwatch.training.sets import SOURCES, read_sets
from maskwatch.types import Image, MaskState


@pytest.fixture
def data(tmp_path: Path, astronaut: Image) -> Path:
    for source in SOURCES[:2]:
        encode(astronaut, tmp_path / source / "images" / "a.jpg")
        content = {
            "categories": [{"id": 1, "name": "mask"}],
            "images": [{"id": 7, "file_name": "a.jpg"}],
            "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 30, 40]}],
        }
        (tmp_path / source / "annotations.json").write_text(json.dumps(content))
    for name in ("with_mask/a.jpg", "with_mask/b.jpg", "without_mask/a.jpg"):
        encode(astronaut, tmp_path / SOURCES[2] / name)
    listing = tmp_path / "not-for-shipped-models.txt"
    listing.write_text(f"# twins\n{SOURCES[2]}/with_mask/b.jpg # 3 bits\n")
    return tmp_path


def test_labels_as_published(data: Path) -> None:
    first, second, third = (list(pictures) for pictures in read_sets(data, None))
    assert [p.states for p in (*first, *second)] == [(MaskState.MASK,)] * 2
    assert [p.states[0].value for p in third] == ["mask", "no_mask"]


def test_corrected_labels(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "fixes"
    folder.mkdir()
    box = (1.0, 2.0, 31.0, 42.0)
    fixes = {
        SOURCES[0]: [Correction("a.jpg", box, MaskState.MASK, MaskState.INCORRECT, "nose out")],
        SOURCES[1]: [],
        SOURCES[2]: [Correction("a.jpg", None, MaskState.MASK, MaskState.UNKNOWN, "from behind")],
    }
    for source, corrections in fixes.items():
        write_corrections(folder / f"corrections-{source}.json", corrections)
    first, second, third = (list(pictures) for pictures in read_sets(data, folder))
    assert first[0].states == (MaskState.INCORRECT,)
    assert np.array_equal(first[0].boxes, [box])
    assert second[0].states == (MaskState.MASK,)
    assert [p.states[0].value for p in third] == ["unknown", "no_mask"]


def test_a_set_that_is_not_there_is_named(data: Path) -> None:
    (data / SOURCES[0]).rename(data / "elsewhere")
    with pytest.raises(SourceError, match=f"missing: {SOURCES[0]}$"):
        read_sets(data, None)
