"""Two limits of the score for one look at a picture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskwatch.evaluation.ranking import asked_once, found_twice
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.models.detectors.search import search
from maskwatch.types import Faces, Image
from tests.conftest import ASTRONAUT_BOX

LOWER = 0.02


@pytest.fixture
def crowd(astronaut: Image) -> Image:
    """The astronaut as she is, turned, and darker: surer faces and less sure ones."""
    turned = np.rot90(astronaut, 1)
    return np.ascontiguousarray(np.hstack([astronaut, turned, astronaut // 3]))


@pytest.mark.parametrize("name", ["maskwatch", "yunet", "haar"])
@pytest.mark.parametrize("tiles", [1, 2])
def test_one_look_finds_what_two_would(
    shared: Path, monkeypatch: pytest.MonkeyPatch, crowd: Image, name: str, tiles: int
) -> None:
    monkeypatch.setenv("MASKWATCH_MODELS", str(shared / "weights"))
    options = DetectorOptions(threads=1, device="cpu")
    got = found_twice(asked_once(name, options, LOWER), crowd, min_face=8, tiles=tiles)
    for faces, limit in zip(got, (None, LOWER), strict=True):
        alone = open_detector(name, replace(options, score=limit))
        (wanted,) = search(alone, [crowd], min_face=8, tight=True, tiles=tiles)
        assert len(faces) == len(wanted) > 0
        assert faces.boxes == pytest.approx(wanted.boxes, abs=0.01)
        assert faces.scores == pytest.approx(wanted.scores, abs=1e-4)
    assert len(got[1]) > len(got[0]) or name == "haar"


def test_no_part_of_a_picture_is_looked_at_twice(astronaut: Image) -> None:
    asked: list[tuple[int, ...]] = []
    unsure = Faces.found(np.array([ASTRONAUT_BOX], np.float32), np.array([0.1], np.float32))

    def ask(image: Image) -> tuple[Faces, Faces]:
        asked.append(image.shape[:2])
        # She is found for sure in the middle of a border.
        bordered = image.shape[0] == 1024
        return replace(unsure, boxes=unsure.boxes + 256) if bordered else Faces.empty(), unsure

    shown, every = found_twice(ask, astronaut, min_face=0, tiles=1)
    assert asked == [(512, 512), (1024, 1024)]
    assert shown.boxes.tolist() == every.boxes.tolist() == [ASTRONAUT_BOX]
    asked.clear()
    found_twice(ask, astronaut, min_face=0, tiles=2)
    assert len(asked) == 1 + 4 + 1
