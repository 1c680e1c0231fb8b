"""The commands of labelled sets, as a user runs them."""

import json
from pathlib import Path

import numpy as np
import pytest

from maskwatch.images import decode, encode
from tests.cli.conftest import Run
from tests.conftest import ASTRONAUT_BOX

pytest.importorskip("imagehash")
pytest.importorskip("matplotlib")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Eight noisy pictures in two classes, one of them twice, and one that is broken."""
    root = tmp_path / "dataset"
    for number in range(8):
        noise = np.random.default_rng(number).integers(0, 256, (5, 4, 3), np.uint8)
        folder = "with_mask" if number % 2 else "without_mask"
        encode(np.kron(noise, np.ones((16, 16, 1), np.uint8)), root / folder / f"{number}.png")
    (root / "with_mask" / "copy.png").write_bytes((root / "with_mask" / "1.png").read_bytes())
    (root / "with_mask" / "broken.jpg").write_text("no picture")
    return root


def test_check(maskwatch: Run, dataset: Path, tmp_path: Path) -> None:
    done = maskwatch("data", "check", dataset, "--out", "report")
    assert done.returncode == 0, done.stderr
    assert "with_mask = mask, without_mask = no_mask" in done.stderr
    assert "duplicates: 1" in done.stdout
    assert "unreadable: 1" in done.stdout
    told = json.loads((tmp_path / "report" / "maskwatch.json").read_text())
    assert told["faces"]["all"] == {"mask": 5, "no_mask": 4, "incorrect": 0}
    assert "copy.png" in (tmp_path / "report" / "problems.csv").read_text()
    assert decode(tmp_path / "report" / "counts.png").shape[2] == 3
    again = maskwatch("data", "check", dataset, "--out", "report")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    strict = maskwatch("data", "check", dataset, "--fail-on", "conflict,unreadable")
    assert strict.returncode == 3
    assert strict.stderr.endswith("found: unreadable\n")
    assert maskwatch("data", "check", dataset, "--fail-on", "conflict,leaks").returncode == 0
    wrong = maskwatch("data", "check", dataset, "--fail-on", "hats")
    assert wrong.returncode == 2
    assert "choose from unused, unreadable" in wrong.stderr


def test_split_then_leaks(maskwatch: Run, dataset: Path, tmp_path: Path) -> None:
    words = ("--test", "0.3", "--val", "0", "--out", "split")
    done = maskwatch("data", "split", dataset, *words)
    assert done.returncode == 1, "one picture is broken"
    assert "broken.jpg is not a picture" in done.stderr
    assert {path.name for path in (tmp_path / "split").iterdir()} >= {"train", "test"}
    assert not (tmp_path / "split" / "val").exists()
    done = maskwatch("data", "leaks", "split/train", "split/test")
    assert "0.0% with a twin" in done.stdout
    done = maskwatch("data", "leaks", dataset, "split/test", "--csv", "pairs.csv")
    assert "100.0% with a twin" in done.stdout
    assert (tmp_path / "pairs.csv").read_text().startswith("first,second,bits\n")
    assert maskwatch("data", "check", "split").stdout.count("have a twin in train") == 1
    assert maskwatch("data", "split", "split", "--out", "x").returncode == 2
    assert maskwatch("data", "split", dataset, "--out", "y", "--group", "hat").returncode == 2
    named = ("data", "split", dataset, "--person", "(.+)", "--out", "y")
    assert maskwatch(*named, "--group", "none").returncode == 2
    maskwatch(*named)
    note = json.loads((tmp_path / "y" / "maskwatch.json").read_text())
    assert note["how"]["kinds"] == ["near-duplicates", "person"]
    assert maskwatch("data", "leaks", "split/train", "nowhere").returncode == 1


def test_crop_convert_and_show(maskwatch: Run, photo: Path, tmp_path: Path) -> None:
    x1, y1, x2, y2 = ASTRONAUT_BOX
    content = {
        "images": [{"id": 1, "file_name": "photo.jpg"}, {"id": 2, "file_name": "gone.jpg"}],
        "categories": [{"id": 1, "name": "without_mask"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}],
    }
    (photo.parent / "annotations.json").write_text(json.dumps(content))
    done = maskwatch("data", "convert", photo.parent, "--to", "yolo", "--out", "yolo")
    assert done.returncode == 1
    assert "cannot read" in done.stderr
    alone = tmp_path / "alone.json"
    alone.write_text(json.dumps(content))
    done = maskwatch("data", "convert", alone, "--to", "voc", "--out", "voc")
    assert "--images says where they lie" in done.stderr
    assert done.returncode == 1
    assert not (tmp_path / "voc").exists(), "an empty set is no result"
    done = maskwatch(
        "data", "convert", alone, "--images", photo.parent, "--to", "voc", "--out", "v"
    )
    assert "1 pictures are in v" in done.stderr
    done = maskwatch("data", "crop", "yolo", "--out", "faces", "--crop-margin", "0.5")
    assert done.returncode == 0, done.stderr
    cut = decode(tmp_path / "faces" / "no_mask" / "photo.jpg")
    assert cut.shape == pytest.approx((224, 184, 3), abs=2)
    assert maskwatch("data", "show", "faces", "--out", "sheet.png").returncode == 0
    assert decode(tmp_path / "sheet.png").shape == (28 + 112, 12 * 112, 3)
    assert maskwatch("data", "show", "faces", "--part", "val").returncode == 2


def test_crop_finds_faces_of_photos(maskwatch: Run, photo: Path, tmp_path: Path) -> None:
    done = maskwatch("data", "crop", photo.parent, "--out", "faces")
    assert "1 faces are in faces" in done.stderr
    assert "detector" in (tmp_path / "faces" / "faces.csv").read_text()
