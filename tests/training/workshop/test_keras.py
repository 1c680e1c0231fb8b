"""Keras's files: read without TensorFlow, into networks that give the same answers.

The models are written here as Keras writes them, from networks of ours; `benchmarks/keras_parity`
compares with Keras itself.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
h5py = pytest.importorskip("h5py")

from torch import nn  # noqa: E402

from maskwatch.errors import ModelInvalid, UsageError  # noqa: E402
from maskwatch.models import bundle as bundles  # noqa: E402
from maskwatch.models.classifier import MaskClassifier  # noqa: E402
from maskwatch.training.workshop.backbones import keras_backbone  # noqa: E402
from maskwatch.training.workshop.choices import Pool, Preprocess  # noqa: E402
from maskwatch.training.workshop.importing import import_bundle, network_of  # noqa: E402
from maskwatch.training.workshop.keras import (  # noqa: E402
    backbone_of,
    is_keras,
    load_keras_backbone,
    read_keras,
)

pytestmark = pytest.mark.filterwarnings("ignore")
Layers = dict[str, dict[str, Any]]


def names_of(name: str) -> list[tuple[str, str]]:
    """Keras's names of a backbone's convolutions and batch norms, in building order."""
    if name == "mobilenetv2":
        blocks = [("expanded_conv", ("depthwise", "project"))]
        blocks += [(f"block_{i}", ("expand", "depthwise", "project")) for i in range(1, 17)]
        inner = [f"{block}_{part}" for block, parts in blocks for part in parts]
        return [("Conv1", "bn_Conv1"), *((n, f"{n}_BN") for n in inner), ("Conv_1", "Conv_1_bn")]
    if name == "resnet50":
        inner = [
            f"conv{stage}_block{block}_{part}"
            for stage, count in enumerate((3, 4, 6, 3), 2)
            for block in range(1, count + 1)
            for part in ((1, 2, 3, 0) if block == 1 else (1, 2, 3))
        ]
        return [("conv1_conv", "conv1_bn"), *((f"{n}_conv", f"{n}_bn") for n in inner)]
    # As a second model of the same session is counted.
    return [(f"conv2d_{i + 94}", f"batch_normalization_{i + 94}") for i in range(94)]


def as_keras(base: nn.Module, name: str) -> Layers:
    """A backbone's weights in Keras's names and layouts; some convolutions with a bias."""
    layers: Layers = {}
    convolutions = [m for m in base.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in base.modules() if isinstance(m, nn.BatchNorm2d)]
    for conv, norm, (conv_name, norm_name) in zip(convolutions, norms, names_of(name), strict=True):
        kernel = conv.weight.detach().numpy()
        bias = np.full(len(kernel), 0.25, np.float32)
        if conv.groups > 1:
            layers[conv_name] = {"depthwise_kernel": kernel.transpose(2, 3, 0, 1)}
        else:
            layers[conv_name] = {"kernel": kernel.transpose(2, 3, 1, 0)}
        values = {
            "gamma": norm.weight, "beta": norm.bias, "moving_mean": norm.running_mean,
            "moving_variance": norm.running_var,
        }  # fmt: skip
        layers[norm_name] = {key: value.detach().numpy() for key, value in values.items()}
        if name == "resnet50":
            layers[conv_name]["bias"] = bias
            layers[norm_name]["moving_mean"] = layers[norm_name]["moving_mean"] + bias
        if name == "inceptionv3":
            del layers[norm_name]["gamma"]
    return layers


def random_backbone(name: str) -> nn.Module:
    torch.manual_seed(0)
    base = keras_backbone(name).eval()
    for module in base.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.8, 1.2)
    return base


def write_model(
    path: Path,
    layers: Layers,
    dense: list[tuple[Any, Any, str]],
    *,
    pool: str,
    side: int = 64,
    more: str | None = None,
) -> None:
    """A whole model in Keras's old HDF5 form, the backbone a model inside it."""
    config = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, side, side, 3]}},
        {"class_name": "Conv2D", "config": {"name": "some"}},
        {"class_name": pool, "config": {"name": "pool"}},
    ]
    if more is not None:
        config.append({"class_name": more, "config": {"name": "more"}})
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights")
        for layer, values in layers.items():
            for variable, value in values.items():
                group[f"base/{layer}/{variable}:0"] = value
        for number, (weight, bias, activation) in enumerate(dense):
            name = f"dense_{number}"
            group[f"{name}/{name}/kernel:0"], group[f"{name}/{name}/bias:0"] = weight, bias
            config.append(
                {"class_name": "Dense", "config": {"name": name, "activation": activation}}
            )
        inner = {"class_name": "Functional", "config": {"layers": config[1:2]}}
        whole = {"config": {"layers": [config[0], inner, *config[2:]]}}
        file.attrs["model_config"] = json.dumps(whole)


def dense_of(width: int, outputs: int, last: str) -> list[tuple[Any, Any, str]]:
    rng = np.random.default_rng(0)
    return [
        (rng.normal(size=(width, 8)).astype(np.float32), np.ones(8, np.float32), "relu"),
        (rng.normal(size=(8, outputs)).astype(np.float32), np.zeros(outputs, np.float32), last),
    ]


@pytest.mark.parametrize("name", ["mobilenetv2", "resnet50", "inceptionv3"])
def test_backbones_are_read_back(name: str) -> None:
    base, side = random_backbone(name), 96
    layers = as_keras(base, name)
    assert backbone_of(layers) == name
    again = keras_backbone(name).eval()
    load_keras_backbone(again, name, layers)
    pixels = torch.randn(1, 3, side, side)
    with torch.inference_mode():
        wanted = base(pixels)
        assert torch.allclose(again(pixels), wanted, atol=1e-4 * float(wanted.abs().max()))


@pytest.fixture(scope="module")
def layers() -> Layers:
    return as_keras(random_backbone("mobilenetv2"), "mobilenetv2")


def test_a_model_becomes_a_bundle(layers: Layers, tmp_path: Path) -> None:
    file = tmp_path / "model.h5"
    dense = dense_of(1280, 2, "softmax")
    write_model(file, layers, dense, pool="MaxPooling2D")
    network, side = network_of(read_keras(file), Preprocess.TF)
    assert (side, network.pool) == (64, Pool.MAX)
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        features = network.base(pixels).amax(dim=(2, 3)).numpy()
        logits = network(pixels).numpy()
    hidden = np.maximum(features @ dense[0][0] + 1, 0)
    assert np.allclose(logits, hidden @ dense[1][0], atol=1e-3)
    for labels in (("mask", "no_mask"), ("no_mask", "mask")):
        out = tmp_path / labels[0]
        import_bundle(file, out, labels=labels, preprocess="mobilenet_v2", name="own")
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    one, other = (
        MaskClassifier(bundles.read(tmp_path / name)).of_crops([picture])[0]
        for name in ("mask", "no_mask")
    )
    assert one[:2] == pytest.approx(other[:2][::-1], abs=1e-5)


def test_one_sigmoid_is_two_states(layers: Layers, tmp_path: Path) -> None:
    file = tmp_path / "model.h5"
    write_model(file, layers, dense_of(1280, 1, "sigmoid"), pool="GlobalAveragePooling2D")
    network, _ = network_of(read_keras(file), Preprocess.TF)
    with torch.inference_mode():
        logits = network(torch.randn(2, 3, 64, 64))
    assert logits.shape == (2, 2)
    assert torch.equal(logits[:, 0], torch.zeros(2))


def test_files_that_are_no_such_model(layers: Layers, tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no model")
    with pytest.raises(ModelInvalid, match="no Keras model in HDF5"):
        read_keras(tmp_path / "text.h5")
    with pytest.raises(ModelInvalid, match="save the model as .h5"):
        read_keras(tmp_path / "new.keras")
    with pytest.raises(ModelInvalid, match="expected the layers of Keras's MobileNetV2"):
        backbone_of({"vgg_conv": {}})
    less = {name: values for name, values in layers.items() if name != "block_3_expand"}
    with pytest.raises(ModelInvalid, match="not the layers of Keras's mobilenetv2"):
        load_keras_backbone(keras_backbone("mobilenetv2"), "mobilenetv2", less)
    file = tmp_path / "tanh.h5"
    dense = dense_of(1280, 2, "softmax")
    write_model(file, layers, [(*dense[0][:2], "tanh"), dense[1]], pool="MaxPooling2D")
    with pytest.raises(ModelInvalid, match="are relu here"):
        network_of(read_keras(file), Preprocess.TF)
    scaled = tmp_path / "scaled.h5"
    write_model(scaled, layers, dense, pool="MaxPooling2D", more="Rescaling")
    with pytest.raises(ModelInvalid, match="cannot be rebuilt: Rescaling"):
        network_of(read_keras(scaled), Preprocess.TF)
    good = tmp_path / "good.h5"
    write_model(good, layers, dense, pool="MaxPooling2D")
    for words, values in (
        ("--labels takes mask,no_mask", {"labels": ("mask", "cap")}),
        ("has 2 outputs, --labels 3", {"labels": ("mask", "no_mask", "incorrect")}),
        ("--preprocess takes", {"preprocess": "vgg"}),
    ):
        given: dict[str, Any] = {"labels": ("mask", "no_mask"), "preprocess": "tf", **values}
        with pytest.raises(UsageError, match=words):
            import_bundle(good, tmp_path / "out", name="own", **given)


def test_keras_weights_are_known_by_their_names(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"Conv1/kernel": np.zeros((1, 1), np.float32)}, tmp_path / "k.safetensors")
    save_file({"conv1.weight": np.zeros((1, 1), np.float32)}, tmp_path / "t.safetensors")
    assert is_keras(tmp_path / "k.safetensors")
    assert not is_keras(tmp_path / "t.safetensors")
    assert is_keras(tmp_path / "w.h5")
