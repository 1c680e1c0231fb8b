"""Drawn samples from photos: files, listing, refusals."""

import csv
from pathlib import Path

import numpy as np
import pytest

from maskwatch import Settings, SinkError, UsageError
from maskwatch.app import detector as detector_module
from maskwatch.data.drawing import MaskStyle, Placement, Thing, draw_mask
from maskwatch.data.synthesize import Order, synthesize
from maskwatch.images import decode, encode
from maskwatch.types import CLASSES, Faces, Image, MaskState
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
    per_face = changes.pop("per_face", 3)
    states = tuple(MaskState(s) for s in ("incorrect", "mask", "no_mask"))
    masks = changes.pop("masks_from", ())
    order = Order(states=states, per_face=per_face, masks_from=masks)  # type: ignore[arg-type]
    results = list(synthesize([str(photos)], out, order, Settings(**changes)))  # type: ignore[arg-type]
    with (out / "drawn.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert sum(written for _, written in results) == len(rows)
    return rows


def test_only_bare_faces_are_drawn_on(tmp_path: Path, photos: Path) -> None:
    rows = run(photos, tmp_path / "out")
    assert len(rows) == 9
    assert {row["picture"] for row in rows} == {str(photos / "deep" / "bare.png")}
    assert [row["drawn"] for row in rows[3:6]] == ["worn"] * 3
    for row in rows:
        assert row["file"].startswith(f"{row['state']}/deep/bare.png_0_")
        assert min(decode(tmp_path / "out" / row["file"]).shape[:2]) > 100


def test_masks_are_taken_from_photos(tmp_path: Path, photos: Path) -> None:
    worn = draw_mask(
        decode(photos / "deep" / "bare.png"), LANDMARKS, Placement.WORN, MaskStyle((30, 40, 240))
    )
    encode(worn, tmp_path / "masked" / "blue.png")
    rows = run(photos, tmp_path / "out", masks_from=(str(tmp_path / "masked"),))
    masked = decode(tmp_path / "out" / rows[3]["file"]).astype(int)
    assert rows[3]["drawn"] == "worn"
    middle = masked[masked.shape[0] // 2 :, masked.shape[1] // 3 : -masked.shape[1] // 3]
    saturated = middle.max(axis=2) - middle.min(axis=2) > 90
    assert saturated.mean() > 0.3


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param("deep", "no face of 48 pixels or more whose mask is worn well", id="bare"),
        pytest.param("nowhere", "there is no file or folder", id="missing"),
        pytest.param("broken.jpg", "broken.jpg", id="damaged"),
    ],
)
def test_photos_that_give_no_mask_say_why(
    tmp_path: Path, photos: Path, given: str, sentence: str
) -> None:
    (photos / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=f"--masks-from .*{sentence}.*name other photos"):
        run(photos, tmp_path / "out", masks_from=(str(photos / given),))
    assert not (tmp_path / "out").exists()


def test_a_photo_of_masks_that_cannot_be_read_is_told_and_the_rest_serves(
    tmp_path: Path, photos: Path
) -> None:
    masked = tmp_path / "masked"
    encode(decode(photos / "worn.png"), masked / "worn.png")
    (masked / "broken.jpg").write_bytes(b"no picture")
    order = Order(states=(MaskState.MASK,), per_face=1, masks_from=(str(masked),))
    first, *rest = synthesize([str(photos)], tmp_path / "out", order, Settings())
    assert first[0].error is not None
    assert first[1] == 0
    assert sum(written for _, written in rest) == 1


def test_a_camera_of_masks_needs_an_end(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(UsageError, match="--max-seconds"):
        run(photos, tmp_path / "out", masks_from=("0",))


def test_masks_need_landmarks(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector_module, "open_detector", lambda *_: FixedDetector())
    with pytest.raises(UsageError, match="needs landmarks"):
        run(photos, tmp_path / "out", masks_from=(str(photos / "worn.png"),))


def test_a_mask_below_the_edge_of_a_portrait_is_no_sample(tmp_path: Path, astronaut: Image) -> None:
    encode(np.ascontiguousarray(astronaut[:178]), tmp_path / "in" / "portrait.png")
    masked = draw_mask(astronaut, LANDMARKS, Placement.WORN, MaskStyle())
    encode(masked, tmp_path / "masked" / "worn.png")
    rows = run(
        tmp_path / "in", tmp_path / "out", per_face=40, masks_from=(str(tmp_path / "masked"),)
    )
    on_chins = [row for row in rows if row["drawn"] == "chin"]
    assert 0 < len(on_chins) < 10, "some of ten slip below the edge"


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
    assert len(run(photos, tmp_path / "out", overwrite=True, per_face=1)) == 3
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 3


def test_a_run_that_draws_nothing_deletes_nothing(tmp_path: Path, photos: Path) -> None:
    run(photos, tmp_path / "out")
    order = Order(states=(MaskState.MASK,))
    gone = synthesize(["gone.jpg"], tmp_path / "out", order, Settings(overwrite=True))
    assert [result.error for result, _ in gone] == ["there is no file or folder gone.jpg"]
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 9


def test_only_samples_in_the_folder_are_deleted(tmp_path: Path, photos: Path) -> None:
    keep = [tmp_path / "mine.jpg", tmp_path / "out" / "notes.txt"]
    for path in keep:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    listing = tmp_path / "out" / "drawn.csv"
    listing.write_text("file,state\n../mine.jpg,mask\nnotes.txt,mask\n")
    run(photos, tmp_path / "out", overwrite=True)
    assert [path.read_text() for path in keep] == ["mine", "mine"]


def test_a_listing_that_cannot_be_written_is_a_sentence(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "out" / "drawn.csv").mkdir(parents=True)
    with pytest.raises(SinkError, match=r"cannot replace .*drawn\.csv: Is a directory"):
        run(photos, tmp_path / "out", overwrite=True)


def test_kinds_take_turns_from_face_to_face(tmp_path: Path, astronaut: Image) -> None:
    for i in range(len(Thing)):
        encode(astronaut, tmp_path / "in" / f"{i}.png")
    rows = run(tmp_path / "in", tmp_path / "out", per_face=1)
    kinds = {state: {r["drawn"] for r in rows if r["state"] == state} for state in CLASSES}
    assert [len(kinds[state]) for state in CLASSES] == [1, len(Thing), 4]


def test_two_pictures_of_one_stem_do_not_meet(tmp_path: Path, astronaut: Image) -> None:
    for name in ("a.png", "a.jpg"):
        encode(astronaut, tmp_path / "in" / name)
    rows = run(tmp_path / "in", tmp_path / "in" / "more")
    assert len({row["file"] for row in rows}) == len(rows) == 18
    again = run(tmp_path / "in", tmp_path / "in" / "more", overwrite=True)
    assert len(again) == 18  # Its own drawings are not read.


def test_a_large_photo_is_drawn_on_near_the_face_only(tmp_path: Path, astronaut: Image) -> None:
    wide = np.zeros((1500, 2000, 3), np.uint8)
    wide[:512, :512] = astronaut
    encode(wide, tmp_path / "in" / "wide.png")
    encode(astronaut, tmp_path / "small" / "wide.png")
    for folder in ("in", "small"):
        run(tmp_path / folder, tmp_path / f"out-{folder}")
    one, two = (decode(tmp_path / f"out-{f}" / "mask/wide.png_0_0.jpg") for f in ("in", "small"))
    assert np.abs(one.astype(int) - two).mean() < 1


def test_a_camera_needs_an_end(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="never ends"):
        list(synthesize(["0"], tmp_path / "out", Order(), Settings()))


def test_a_detector_without_landmarks_is_refused(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector_module, "open_detector", lambda *_: FixedDetector())
    with pytest.raises(UsageError, match="needs landmarks"):
        run(photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unknown_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="cannot be drawn"):
        Order(states=(MaskState.UNKNOWN,))
