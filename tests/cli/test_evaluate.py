"""maskwatch evaluate and compare, as a user runs them."""

import json
from pathlib import Path

import pytest

from maskwatch.images import decode, encode
from tests.cli.conftest import Run
from tests.conftest import ASTRONAUT_BOX

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


@pytest.fixture
def dataset(photo: Path, tmp_path: Path) -> Path:
    """The astronaut's face in two class folders, once labelled wrong."""
    face = decode(photo)[40:200, 150:300]
    encode(face, tmp_path / "set" / "no_mask" / "a.png")
    encode(face[:, ::-1], tmp_path / "set" / "with_mask" / "b.png")
    return tmp_path / "set"


def test_evaluate(maskwatch: Run, dataset: Path, tmp_path: Path) -> None:
    done = maskwatch("evaluate", "small", "--data", dataset, "--report", "report")
    assert done.returncode == 0, done.stderr
    assert "50.0% of 2 faces are told right" in done.stdout
    told = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert told["confusion"] == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert maskwatch("evaluate", "small", "--data", dataset, "--report", "report").returncode == 2
    assert maskwatch("evaluate", "small").returncode == 2
    assert maskwatch("evaluate", "none", "--data", dataset).returncode == 2
    (dataset / "no_mask" / "c.png").write_text("broken")
    done = maskwatch("evaluate", "small", "--data", dataset, "--trained-on", dataset / "no_mask")
    assert done.returncode == 1
    assert "error: set/no_mask/c.png is not a picture" in done.stderr.replace(f"{tmp_path}/", "")
    assert "have a twin in training" in done.stdout


def test_compare(maskwatch: Run, dataset: Path, tmp_path: Path) -> None:
    done = maskwatch("compare", "small", "standard", "--data", dataset, "--report", "out", "--gate")
    assert done.returncode == 0, done.stderr
    assert "cannot be told apart" in done.stdout
    assert (tmp_path / "out" / "index.html").exists()
    assert maskwatch("compare", "small", "--data", dataset).returncode == 2


def test_end_to_end(maskwatch: Run, photo: Path, tmp_path: Path) -> None:
    x1, y1, x2, y2 = ASTRONAUT_BOX
    content = {
        "images": [{"id": 1, "file_name": "photo.jpg"}],
        "categories": [{"id": 1, "name": "without_mask"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    asked = ("evaluate", "--boxes", "boxes.json", "--images", photo.parent)
    refused = maskwatch(*asked, "--beta", "1", "--faces", "all")
    assert refused.returncode == 2
    assert "--faces, --beta: for --data alone" in refused.stderr
    done = maskwatch(*asked)
    assert (
        "Of 1 labelled faces 100.0% are found, and 100.0% are found and told right" in done.stdout
    )
