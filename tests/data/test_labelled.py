import json
from pathlib import Path

import numpy as np
import pytest

from maskwatch.data.crops import CROP_SIDE, FaceCrops, cut_faces
from maskwatch.data.formats import read_coco, read_folders
from maskwatch.data.labelled import LabelledPicture, without
from maskwatch.errors import SourceError
from maskwatch.images import encode
from maskwatch.types import Image, MaskState
from tests.conftest import ASTRONAUT_BOX, FixedDetector


@pytest.fixture
def coco(tmp_path: Path, astronaut: Image) -> Path:
    encode(astronaut, tmp_path / "set" / "images" / "a.jpg")
    encode(astronaut, tmp_path / "set" / "images" / "b.jpg")
    x1, y1, x2, y2 = ASTRONAUT_BOX
    content = {
        "categories": [{"id": 1, "name": "mask"}, {"id": 2, "name": "no_mask"}],
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 2, "bbox": [x1, y1, x2 - x1, y2 - y1]},
            {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 8, 8]},
        ],
    }
    (tmp_path / "set" / "annotations.json").write_text(json.dumps(content))
    return tmp_path / "set"


def test_coco(coco: Path) -> None:
    first, second = read_coco(coco).pictures
    assert first.path == coco / "images" / "a.jpg"
    assert first.boxes is not None
    assert first.boxes.tolist() == [ASTRONAUT_BOX, [0, 0, 8, 8]]
    assert first.states == (MaskState.NO_MASK, MaskState.MASK)
    assert second.boxes is not None
    assert second.boxes.shape == (0, 4)


@pytest.mark.parametrize("text", ["", "{}", "[]"])
def test_no_coco(tmp_path: Path, text: str) -> None:
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(SourceError, match="not a COCO file"):
        read_coco(tmp_path)


def test_folders_and_the_list_of_what_is_left_out(tmp_path: Path) -> None:
    for name in ("with/a.jpg", "with/b.jpg", "without/c.jpg"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(b"")
    (tmp_path / "not.txt").write_text("# near twins\nset/with/b.jpg  # 0 bits\n")
    pictures = read_folders(tmp_path / "set").pictures
    left = list(without(pictures, tmp_path, tmp_path / "not.txt"))
    assert [(p.path.name, p.boxes, p.states[0].value) for p in left] == [
        ("a.jpg", None, "mask"),
        ("c.jpg", None, "no_mask"),
    ]


def test_faces_are_cut_with_the_detectors_view_of_them(
    coco: Path, tmp_path: Path, astronaut: Image
) -> None:
    encode(astronaut, tmp_path / "folder" / "x.png")
    whole = LabelledPicture(tmp_path / "folder" / "x.png", None, (MaskState.MASK,))
    detector = FixedDetector([[180, 70, 272, 170]])
    crops = cut_faces([read_coco(coco).pictures, [whole]], detector, min_side=10)
    assert crops.images.shape == (2, CROP_SIDE, CROP_SIDE, 3)
    assert crops.labels.tolist() == [1, 0]
    assert crops.sources.tolist() == [0, 1]
    # The labelled box lies in the middle of its crop; 0.7 of its longer side is left around it.
    x1, y1, x2, y2 = crops.boxes[0, 0]
    assert (x1 + x2) / 2 == pytest.approx(CROP_SIDE / 2, abs=0.1)
    assert y2 - y1 == pytest.approx(CROP_SIDE / 2.4, abs=0.1)
    assert (crops.boxes[0, 1] != crops.boxes[0, 0]).any()
    assert np.array_equal(crops.boxes[1, 0], crops.boxes[1, 1])
    crops.save(tmp_path / "crops.npz")
    again = FaceCrops.load(tmp_path / "crops.npz")
    assert np.array_equal(again.images, crops.images)
    assert len(again[np.array([1])]) == 1


def test_a_picture_stays_on_one_side_of_the_split(tmp_path: Path, astronaut: Image) -> None:
    pictures = []
    for i in range(40):
        encode(astronaut[:200, 100:300], tmp_path / f"{i}.jpg")
        boxes = np.array([[10, 10, 60, 60], [70, 10, 120, 60]], np.float32)
        pictures.append(LabelledPicture(tmp_path / f"{i}.jpg", boxes, (MaskState.MASK,) * 2))
    held_out = cut_faces([pictures], FixedDetector([])).held_out.reshape(40, 2)
    assert (held_out[:, 0] == held_out[:, 1]).all()
    assert 0 < held_out[:, 0].sum() < 20


def test_nothing_to_cut() -> None:
    with pytest.raises(SourceError, match="no labelled face"):
        cut_faces([[]], FixedDetector())
