import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from maskwatch.errors import ModelInvalid, ModelNotFound
from maskwatch.models import bundle as bundles
from maskwatch.models.catalogue import CARDS, SHIPPED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED / "standard", tmp_path / "bundle"))


def change(folder: Path, **fields: Any) -> None:
    path = folder / "bundle.json"
    content = json.loads(path.read_text())
    content.update(fields)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("name", [card.name for card in CARDS if card.kind == "classifier"])
def test_shipped_bundles_are_whole(name: str) -> None:
    bundle = bundles.read(SHIPPED / name)
    assert bundle.name == name
    assert bundle.kind == "classifier"
    assert bundle.licence
    assert bundle.data


def test_shipped_models_stay_small() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) < 15 * 2**20


def test_write_and_read_again(folder: Path) -> None:
    bundle = bundles.read(folder)
    bundles.write(bundle)
    assert bundles.read(folder) == bundle


def test_a_changed_model_is_refused(folder: Path) -> None:
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"!")
    with pytest.raises(ModelInvalid, match=r"model.onnx is damaged.*expected sha256"):
        bundles.read(folder)


def test_a_missing_model_is_refused(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelInvalid, match="cannot read"):
        bundles.read(folder)


def test_a_folder_without_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no bundle.json"):
        bundles.read(tmp_path)
    (tmp_path / "training.json").write_text("{}")
    with pytest.raises(ModelNotFound, match="unfinished.*run the command that began it again"):
        bundles.read(tmp_path)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"schema": 2}, "schema 1"),
        ({"labels": ["no_mask", "mask"]}, "expected labels mask, no_mask"),
        ({"labels": ["cat", "dog"]}, "expected labels"),
        ({"colour_of_the_box": "red"}, "schema 1"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"sha256": {}}, "does not name model.onnx"),
        ({"unknown": {"min_face": 3}}, "schema 1"),
    ],
)
def test_other_contents_are_refused(folder: Path, fields: dict[str, Any], sentence: str) -> None:
    change(folder, **fields)
    with pytest.raises(ModelInvalid, match=sentence):
        bundles.read(folder)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{not json"])
def test_no_json_object(folder: Path, text: str) -> None:
    (folder / "bundle.json").write_text(text)
    with pytest.raises(ModelInvalid):
        bundles.read(folder)
