"""Drawn samples from photos: files, listing, refusals."""

import csv
from pathlib import Path

import numpy as np
import pytest

from maskwatch import Settings, UsageError
from maskwatch.app import detector as detector_module
from maskwatch.data.drawing import MaskStyle, Placement, draw_mask
from maskwatch.data.synthesize import Order, synthesize
from maskwatch.images import decode, encode
from maskwatch.types import Faces, Image, MaskState
from tests.conftest import ASTRONAUT_BOX, LANDMARKS, FixedDetector


class WithLandmarks(FixedDetector):
    """The astronaut's face with its landmarks."""

    def detect(self, images: object) -> list[Faces]:
        box = np.array([ASTRONAUT_BOX], np.float32)
        return [Faces.found(box, np.ones(1, np.float32), LANDMARKS[None]) for _ in images]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_module, "open_detector", lambda *_: WithLandmarks())


@pytest.fixture
def photos(tmp_path: Path, astronaut: Image) -> Path:
    encode(astronaut, tmp_path / "in" / "deep" / "bare.png")
    worn = draw_mask(astronaut, LANDMARKS, Placement.WORN, MaskStyle())
    encode(worn, tmp_path / "in" / "worn.png")
    return tmp_path / "in"


def run(photos: Path, out: Path, **changes: object) -> list[dict[str, str]]:
    order = Order(tuple(MaskState(s) for s in ("incorrect", "mask", "no_mask")), per_face=3)
    results = list(synthesize([str(photos)], out, order, Settings(**changes)))  # type: ignore[arg-type]
    assert len(results) == 2
    with (out / "drawn.csv").open(newline="") as text:
        return list(csv.DictReader(text))


def test_only_bare_faces_are_drawn_on(tmp_path: Path, photos: Path) -> None:
    rows = run(photos, tmp_path / "out")
    assert len(rows) == 9
    assert {row["picture"] for row in rows} == {str(photos / "deep" / "bare.png")}
    assert [row["drawn"] for row in rows[:4]] == ["nose out", "chin", "hanging", "worn"]
    for row in rows:
        assert row["file"].startswith(f"{row['state']}/deep/bare_0_")
        assert min(decode(tmp_path / "out" / row["file"]).shape[:2]) > 100


def test_the_same_seed_draws_the_same(tmp_path: Path, photos: Path) -> None:
    first, second = (run(photos, tmp_path / name) for name in ("one", "two"))
    assert first == second
    for row in first:
        one, two = ((tmp_path / name / row["file"]).read_bytes() for name in ("one", "two"))
        assert one == two


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path, photos: Path) -> None:
    run(photos, tmp_path / "out")
    with pytest.raises(UsageError, match="exists already"):
        run(photos, tmp_path / "out")
    assert len(run(photos, tmp_path / "out", overwrite=True)) == 9


def test_a_detector_without_landmarks_is_refused(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector_module, "open_detector", lambda *_: FixedDetector())
    with pytest.raises(UsageError, match="needs landmarks"):
        run(photos, tmp_path / "out")


def test_unknown_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="cannot be drawn"):
        Order((MaskState.UNKNOWN,))
