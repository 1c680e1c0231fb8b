"""Runs in other forms, compared before they are kept; and the search for settings."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("optuna")
onnx = pytest.importorskip("onnx")

from maskwatch.errors import ModelNotFound, UsageError  # noqa: E402
from maskwatch.models import bundle as bundles  # noqa: E402
from maskwatch.models.bundle import Bundle  # noqa: E402
from maskwatch.models.classifier import MaskClassifier  # noqa: E402
from maskwatch.training.export import NETWORK  # noqa: E402
from maskwatch.training.workshop import exporting, parity  # noqa: E402
from maskwatch.training.workshop.choices import ExportForm  # noqa: E402
from maskwatch.training.workshop.exporting import export_all  # noqa: E402
from maskwatch.training.workshop.parity import Faces, Tolerance, faces_of  # noqa: E402
from maskwatch.training.workshop.parts import Parts  # noqa: E402
from maskwatch.training.workshop.run import train  # noqa: E402
from maskwatch.training.workshop.settings import TrainSettings  # noqa: E402
from maskwatch.training.workshop.tuning import TRIALS, tune  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def bundle(
    tiny: TrainSettings, faces: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Parts], Bundle]:
    out = tmp_path_factory.mktemp("run") / "run"

    def make(parts: Parts) -> Bundle:
        if not (out / bundles.FILE).exists():
            train(parts, tiny.but(epochs=3, units=()), out, data=str(faces), name="tiny")
        return bundles.read(out)

    return make


def shown(bundle: Bundle, parts: Parts) -> Faces:
    return faces_of(bundle, parts.val, parts.train, 20)


def test_exports_are_bundles_that_answer_alike(
    bundle: Callable[[Parts], Bundle], parts: Parts, tmp_path: Path
) -> None:
    made = bundle(parts)
    rows = list(export_all(made, list(ExportForm)[:2], tmp_path, shown(made, parts), None))
    assert [row.form for row in rows] == ["pytorch", "onnx", "onnx-int8"]
    assert rows[1].difference < 1e-3
    assert rows[1].equal == 1
    picture = np.full((32, 32, 3), (40, 60, 220), np.uint8)
    own = MaskClassifier(made).of_crops([picture])
    again = MaskClassifier(bundles.read(tmp_path / "onnx")).of_crops([picture])
    assert np.allclose(own, again, atol=1e-4)
    parity.write_parity(rows, tmp_path / "parity.csv")
    with (tmp_path / "parity.csv").open() as text:
        assert [row["form"] for row in csv.DictReader(text)] == [row.form for row in rows]


def test_first_layers_stay_in_floats_where_integers_are_refused(
    bundle: Callable[[Parts], Bundle],
    parts: Parts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = bundle(parts)
    refused = iter(["too far", ""])
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "refusal", lambda *_: next(refused))
        _, last = export_all(made, [ExportForm.ONNX_INT8], tmp_path, shown(made, parts), None)
    assert not last.refused
    graph = onnx.load(str(tmp_path / "onnx-int8" / "model.onnx")).graph
    rounded = {name for node in graph.node if "Linear" in node.op_type for name in node.output}
    are = [node.input[1] in rounded for node in graph.node if node.op_type == "Conv"]
    assert are == sorted(are), "floats first"
    assert are.count(False) == len(are) // 5 > 0


def test_an_export_that_differs_is_taken_away(
    bundle: Callable[[Parts], Bundle],
    parts: Parts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = bundle(parts)
    monkeypatch.setitem(parity.TOLERANCES, ExportForm.ONNX_INT8, Tolerance(0.0, 1.0, 0.0))
    rows = list(
        export_all(
            made, [ExportForm.ONNX_INT8, ExportForm.ONNX], tmp_path, shown(made, parts), None
        )
    )
    assert "a probability differs" in rows[1].refused
    assert not rows[2].refused, "the others go on"
    assert [folder.name for folder in tmp_path.iterdir()] == ["onnx"]


def test_what_export_needs(
    bundle: Callable[[Parts], Bundle],
    parts: Parts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = bundle(parts)
    monkeypatch.delenv(exporting.LITERT_VARIABLE, raising=False)
    with pytest.raises(ModelNotFound, match="pip install litert-torch"):
        list(export_all(made, [ExportForm.LITERT], tmp_path, shown(made, parts), None))
    monkeypatch.setenv(exporting.LITERT_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ModelNotFound, match="nowhere is none"):
        list(export_all(made, [ExportForm.LITERT], tmp_path, shown(made, parts), None))
    faces = shown(made, parts)
    (made.folder / NETWORK).unlink()
    with pytest.raises(ModelNotFound, match="what can be exported are runs"):
        list(export_all(made, [ExportForm.ONNX], tmp_path, faces, None))


def test_a_search_goes_on_where_it_was(parts: Parts, tiny: TrainSettings, tmp_path: Path) -> None:
    told: list[int] = []
    first = tune(parts, tiny.but(epochs=2), tmp_path, trials=3, report=lambda n, *_: told.append(n))
    assert told == [0, 1, 2]
    assert first.finished + first.pruned == 3
    done = tune(parts, tiny.but(epochs=2), tmp_path, trials=5, report=lambda n, *_: told.append(n))
    assert told == [0, 1, 2, 3, 4]
    assert done.loss <= first.loss
    assert done.settings.lr == pytest.approx(done.choices["lr"])
    with (tmp_path / TRIALS).open() as text:
        losses = [float(row["val_loss"]) for row in csv.DictReader(text) if row["val_loss"]]
    assert losses == sorted(losses)
    assert losses[0] == pytest.approx(done.loss)
    with pytest.raises(UsageError, match="a search of other settings"):
        tune(parts, tiny.but(epochs=3), tmp_path, trials=6)
