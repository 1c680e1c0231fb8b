from pathlib import Path

import numpy as np
import pytest

from maskwatch.app.live.snapshots import Snapshots
from maskwatch.boxes import pad
from maskwatch.events import Alert, AlertKind
from maskwatch.images import decode, resize
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.types import Faces, Image
from tests.conftest import ASTRONAUT_BOX, FixedDetector, result_of

BOX = np.array([ASTRONAUT_BOX], np.float32)


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    return Snapshots(tmp_path_factory.mktemp("pictures") / "snapshots")


@pytest.fixture(scope="module")
def crowd(astronaut: Image) -> tuple[Image, np.ndarray]:
    """The astronaut in four sizes side by side, and the boxes of her faces."""
    canvas = np.full((512, 1100, 3), 90, np.uint8)
    boxes, left = [], 0
    for side in (512, 256, 160, 110):
        canvas[:side, left : left + side] = resize(astronaut, side, side)
        box = np.array(ASTRONAUT_BOX) * side / 512 + [left, 0, left, 0]
        boxes.append(box)
        left += side + 15
    return canvas, np.array(boxes, np.float32)


def alert() -> Alert:
    return Alert(
        kind=AlertKind.VIOLATION, rule="bare", camera="gate", time=1e9, since=1e9, sentence="!"
    )


def shuffled_within_cells(image: Image, box: np.ndarray, rng: np.random.Generator) -> Image:
    """Another face with the same 8 by 8 means: the pixels of each cell, mixed."""
    out = image.copy()
    height, width = image.shape[:2]
    padded = pad(box[None], 0.15)[0]
    x1, y1 = np.clip(np.floor(padded[:2]), 0, [width, height]).astype(int)
    x2, y2 = np.clip(np.ceil(padded[2:]), 0, [width, height]).astype(int)
    xs, ys = np.linspace(x1, x2, 9), np.linspace(y1, y2, 9)
    for i in range(8):
        for j in range(8):
            cell = out[int(ys[i]) + 1 : int(ys[i + 1]), int(xs[j]) + 1 : int(xs[j + 1])]
            flat = cell.reshape(-1, 3).copy()
            cell[...] = rng.permutation(flat).reshape(cell.shape)
    return out


def test_a_stored_face_is_at_most_8_by_8_values(tmp_path: Path, astronaut: Image) -> None:
    snapshots = Snapshots(tmp_path, (FixedDetector(),))
    other = shuffled_within_cells(astronaut, BOX[0], np.random.default_rng(1))
    assert (other != astronaut).any()
    one = snapshots.unrecognisable(astronaut, BOX)
    two = snapshots.unrecognisable(other, BOX)
    assert one is not None
    assert two is not None
    x1, y1, x2, y2 = BOX[0].astype(int)
    apart = one[y1:y2, x1:x2].astype(int) - two[y1:y2, x1:x2].astype(int)
    assert np.abs(apart).max() <= 2


def test_faces_that_the_watch_overlooked_are_blurred_too(
    snapshots: Snapshots, crowd: tuple[Image, np.ndarray]
) -> None:
    image, boxes = crowd
    safe = snapshots.unrecognisable(image, np.zeros((0, 4), np.float32))
    assert safe is not None
    for x1, y1, x2, y2 in boxes.astype(int):
        detail = np.abs(np.diff(image[y1:y2, x1:x2].astype(int), axis=1)).mean()
        left = np.abs(np.diff(safe[y1:y2, x1:x2].astype(int), axis=1)).mean()
        assert left < detail / 2


@pytest.mark.parametrize("name", ["maskwatch", "haar"])
def test_no_detector_finds_a_face_in_a_stored_picture_that_is_not_blurred(
    snapshots: Snapshots, crowd: tuple[Image, np.ndarray], name: str
) -> None:
    image, boxes = crowd
    result = result_of(image, Faces.found(boxes[:1], np.ones(1, np.float32)))
    path = snapshots.save(result, result.faces, alert())
    assert path is not None
    stored = decode(path)
    detector = open_detector(name, DetectorOptions())
    for found in detector.detect([stored])[0].boxes:
        x1, y1, x2, y2 = found.astype(int)
        same = stored[y1:y2, x1:x2].astype(int) - image[y1:y2, x1:x2].astype(int)
        assert np.abs(same).mean() > 4, "what is found is not the picture that was taken"


def test_the_folder_cannot_be_made(tmp_path: Path, astronaut: Image) -> None:
    from maskwatch.errors import SinkError

    (tmp_path / "file").write_text("in the way")
    result = result_of(astronaut)
    with pytest.raises(SinkError, match="snapshot"):
        Snapshots(tmp_path / "file" / "x").save(result, result.faces, alert())


def test_a_frame_without_a_picture_has_no_snapshot(snapshots: Snapshots) -> None:
    result = result_of(None)
    assert snapshots.save(result, result.faces, alert()) is None
