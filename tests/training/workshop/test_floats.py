"""The floats behind the shipped classifiers, and those as PyTorch runs them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
data = pytest.importorskip("skimage.data")

from maskwatch.errors import ModelInvalid  # noqa: E402
from maskwatch.images import planes  # noqa: E402
from maskwatch.models import bundle as bundles  # noqa: E402
from maskwatch.models.bundle import Bundle  # noqa: E402
from maskwatch.models.catalogue import SHIPPED  # noqa: E402
from maskwatch.models.classifier import MaskClassifier  # noqa: E402
from maskwatch.models.runtime import Network  # noqa: E402
from maskwatch.training.export import NETWORK  # noqa: E402
from maskwatch.training.workshop.choices import ExportForm  # noqa: E402
from maskwatch.training.workshop.exporting import export_all  # noqa: E402
from maskwatch.training.workshop.floats import is_quantised, write_floats  # noqa: E402
from maskwatch.training.workshop.from_onnx import read_onnx  # noqa: E402
from maskwatch.training.workshop.parity import Faces  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", params=["standard", "small"])
def shipped(request: pytest.FixtureRequest) -> Bundle:
    return bundles.read(SHIPPED / request.param)


@pytest.fixture(scope="module")
def faces(shipped: Bundle) -> Faces:
    """One bare face in 24 slightly different crops."""
    shifts = np.random.default_rng(0).normal(0, 4, (24, 4))
    boxes = np.asarray(np.array([180, 70, 270, 190]) + shifts, np.float32)
    crops = MaskClassifier(shipped).crops(data.astronaut(), boxes)
    spec = shipped.input
    inputs = planes(crops, (spec.width, spec.height), mean=spec.mean, std=spec.std)
    return Faces(inputs, np.ones(24, np.int64), inputs)


def test_floats_answer_as_the_integers_do(shipped: Bundle, faces: Faces, tmp_path: Path) -> None:
    file = tmp_path / "floats.onnx"
    write_floats(shipped.model_path, file)
    assert is_quantised(shipped.model_path)
    assert not is_quantised(file)
    integers, floats = (
        Network(path)(faces.checked)["logits"] for path in (shipped.model_path, file)
    )
    assert np.abs(integers - floats).max() < 0.6
    assert np.abs(integers - floats).max() > 1e-3, "rounding is gone"
    network = read_onnx(file)
    with torch.inference_mode():
        again = network(torch.from_numpy(faces.checked)).numpy()
    assert np.abs(again - floats).max() < 1e-4


def test_a_shipped_classifier_is_exported(shipped: Bundle, faces: Faces, tmp_path: Path) -> None:
    # A run of our own plans keeps the floats that were trained beside it: they answer otherwise.
    run = tmp_path / "run"
    shutil.copytree(shipped.folder, run)
    (run / NETWORK).write_bytes(b"of other floats")
    rows = list(export_all(bundles.read(run), list(ExportForm)[:2], tmp_path, faces, None))
    assert [row.form for row in rows if not row.refused] == ["pytorch", "onnx", "onnx-int8"]
    same = (tmp_path / "onnx-int8" / "model.onnx").read_bytes()
    assert same == shipped.model_path.read_bytes()
    made = MaskClassifier(bundles.read(tmp_path / "onnx"))
    told = made.probabilities([data.astronaut()], [np.array([[180, 70, 270, 190]], np.float32)])
    assert told[0].argmax() == 1


def test_layers_that_are_not_known_are_named(tmp_path: Path) -> None:
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Sigmoid", ["x"], ["y"])],
        "one",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3])],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model.onnx")
    with pytest.raises(ModelInvalid, match="Sigmoid"):
        read_onnx(tmp_path / "model.onnx")
