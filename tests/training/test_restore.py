"""From an exported file back to a network that learns on."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from maskwatch.errors import ModelInvalid  # noqa: E402
from maskwatch.models.runtime import Network  # noqa: E402
from maskwatch.training.backbone import build  # noqa: E402
from maskwatch.training.export import export_onnx, quantise  # noqa: E402
from maskwatch.training.restore import restore  # noqa: E402

SIDE = 64


@pytest.fixture(scope="module")
def pictures() -> "torch.Tensor":
    return torch.randn(24, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def file(pictures: "torch.Tensor", tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    network = build("mobilenetv2_035", None, blocks=6)
    torch.nn.init.normal_(network.get_submodule("classifier").weight, std=0.3)
    # As after a training: its batch norms have seen pictures.
    network.train()
    for _ in range(20):
        network(pictures)
    path = tmp_path_factory.mktemp("restore") / "model.onnx"
    export_onnx(network, path, SIDE)
    return path


def test_a_restored_network_answers_as_its_file(file: Path, pictures: "torch.Tensor") -> None:
    network = build("mobilenetv2_035", None, blocks=6, dropout=0)
    restore(network, file, [pictures[:12], pictures[12:]])
    wanted = Network(file, device="cpu")(pictures.numpy())["logits"]
    with torch.inference_mode():
        got = network.eval()(pictures).numpy()
        network.train()
        learning = network(pictures).numpy()
    assert np.abs(got - wanted).max() < 1e-3
    # Its statistics are those of the pictures: learning on begins where it stopped.
    assert np.abs(learning - wanted).max() < 0.02 * np.abs(wanted).max()


def test_integers_are_restored_too(file: Path, pictures: "torch.Tensor", tmp_path: Path) -> None:
    small = tmp_path / "int8.onnx"
    small.write_bytes(file.read_bytes())
    quantise(small, [pictures.numpy()])
    network = build("mobilenetv2_035", None, blocks=6)
    restore(network, small, [pictures])
    wanted = Network(file, device="cpu")(pictures.numpy())["logits"]
    with torch.inference_mode():
        got = network.eval()(pictures).numpy()
    assert np.corrcoef(got.ravel(), wanted.ravel())[0, 1] > 0.95


def test_a_file_of_other_layers_is_refused(file: Path, pictures: "torch.Tensor") -> None:
    with pytest.raises(ModelInvalid, match="layers"):
        restore(build("mobilenetv2_035", None, blocks=7), file, [pictures])
