"""Keras's weights without TensorFlow: files of .h5 or safetensors, layers in the order of timm's.

Keras names its layers, and its layouts are others: kernels (height, width, in, out), dense ones
(in, out). The three backbones that this field used build their layers in one order in Keras,
torchvision and timm.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import Tensor, nn

from maskwatch.errors import MissingExtra, ModelInvalid

Layers = dict[str, dict[str, "np.ndarray[Any, Any]"]]
"""By the layer's name, then the variable's (kernel, gamma, ...)."""
_BLOCKS_OF_RESNET50 = (3, 4, 6, 3)
_CONVOLUTIONS_OF_INCEPTION = 94


@dataclass(frozen=True, slots=True, eq=False)
class KerasModel:
    """The layers of a file, and its `config`: the layers' descriptions, empty where it has none."""

    layers: Layers
    config: tuple[dict[str, Any], ...] = ()


def read_keras(path: Path) -> KerasModel:
    """Read a file of Keras weights, or a whole model.

    Raises:
        ModelInvalid: it is neither, or damaged.
        MissingExtra: h5py is not installed.
    """
    if path.suffix == ".safetensors":
        return KerasModel(_layers(_safetensors(path)))
    if path.suffix == ".keras":
        raise ModelInvalid(f"{path} is Keras's zipped form: save the model as .h5")
    try:
        import h5py
    except ImportError as error:
        raise MissingExtra("Keras files need an extra: pip install 'maskwatch[train]'") from error
    try:
        with h5py.File(path) as file:
            weights: dict[str, np.ndarray[Any, Any]] = {}
            root = file.get("model_weights", file)
            root.visititems(
                lambda name, item: (
                    weights.__setitem__(name, item[()]) if isinstance(item, h5py.Dataset) else None
                )
            )
            config = json.loads(file.attrs["model_config"]) if "model_config" in file.attrs else {}
    except (OSError, KeyError, ValueError) as error:
        raise ModelInvalid(f"{path} is no Keras model in HDF5 that can be read: {error}") from error
    return KerasModel(_layers(weights), tuple(_flat(config)))


def _safetensors(path: Path) -> "dict[str, np.ndarray[Any, Any]]":
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise ModelInvalid(f"{path} holds no weights that can be read: {error}") from error


def is_keras(path: Path) -> bool:
    """Whether a weights file is Keras's, by its ending or the names in it.

    Raises:
        ModelInvalid: it cannot be read.
    """
    if path.suffix in (".h5", ".hdf5", ".keras", ".model"):
        return True
    return path.suffix == ".safetensors" and any("/kernel" in name for name in _safetensors(path))


def _layers(weights: "dict[str, np.ndarray[Any, Any]]") -> Layers:
    """`a/b/Conv1/kernel:0` is the variable `kernel` of the layer `Conv1`."""
    out: Layers = {}
    for name, values in weights.items():
        *_, layer, variable = name.split("/")
        out.setdefault(layer, {})[variable.split(":")[0]] = values
    return out


def _flat(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The descriptions of all layers, those of models inside models too, in their order."""
    for layer in config.get("config", {}).get("layers", ()):
        if "layers" in layer.get("config", {}):
            yield from _flat(layer)
        else:
            yield layer


def backbone_of(layers: Layers) -> str:
    """The backbone that these layers are of: mobilenetv2, resnet50 or inceptionv3.

    Raises:
        ModelInvalid: none of them.
    """
    for name, layer in (
        ("mobilenetv2", "block_16_project"),
        ("resnet50", "conv5_block3_3_conv"),
        ("inceptionv3", "mixed9_1"),
    ):
        if layer in layers and not (name == "resnet50" and "post_bn" in layers):
            return name
    convolutions = [layer for layer in layers if re.fullmatch(r"conv2d(_\d+)?", layer)]
    if len(convolutions) == _CONVOLUTIONS_OF_INCEPTION:
        return "inceptionv3"
    raise ModelInvalid(
        "expected the layers of Keras's MobileNetV2, ResNet50 or InceptionV3, got "
        f"{', '.join(list(layers)[:4])}, ..."
    )


def _order(name: str, layers: Layers) -> Iterator[tuple[str, str]]:
    """The backbone's convolutions, each with its batch norm, in the order of timm's modules."""
    if name == "mobilenetv2":
        yield "Conv1", "bn_Conv1"
        for block in ("expanded_conv", *(f"block_{i}" for i in range(1, 17))):
            for part in ("expand", "depthwise", "project"):
                if f"{block}_{part}" in layers:
                    yield f"{block}_{part}", f"{block}_{part}_BN"
        yield "Conv_1", "Conv_1_bn"
    elif name == "resnet50":
        yield "conv1_conv", "conv1_bn"
        for stage, blocks in enumerate(_BLOCKS_OF_RESNET50, 2):
            for place in range(1, blocks + 1):
                for number in (1, 2, 3, 0):
                    at = f"conv{stage}_block{place}_{number}"
                    if f"{at}_conv" in layers:
                        yield f"{at}_conv", f"{at}_bn"
    else:
        kinds = ("conv2d", "batch_normalization")
        yield from zip(*(_numbered(kind, layers) for kind in kinds), strict=True)


def _numbered(kind: str, layers: Layers) -> list[str]:
    """Keras counts layers of a kind as it makes them, from wherever the count stood."""
    found = [layer for layer in layers if re.fullmatch(rf"{kind}(_\d+)?", layer)]
    return sorted(found, key=lambda layer: int(layer[len(kind) + 1 :] or 0))


def load_keras_backbone(base: nn.Module, name: str, layers: Layers) -> None:
    """Copy a Keras backbone into the timm network of the same shape.

    Args:
        base: as `networks` builds it for Keras's weights.
        name: of the backbone.
        layers: at least the backbone's.

    Raises:
        ModelInvalid: a layer is missing or of another shape.
    """
    convolutions = [m for m in base.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in base.modules() if isinstance(m, nn.BatchNorm2d)]
    try:
        pairs = list(_order(name, layers))
        for conv, norm, (conv_name, norm_name) in zip(convolutions, norms, pairs, strict=True):
            _load(conv, norm, layers[conv_name], layers[norm_name])
    except (KeyError, ValueError, RuntimeError) as error:
        raise ModelInvalid(f"these are not the layers of Keras's {name}: {error}") from error


def _load(
    conv: nn.Conv2d,
    norm: nn.BatchNorm2d,
    kernel: "dict[str, np.ndarray[Any, Any]]",
    batch_norm: "dict[str, np.ndarray[Any, Any]]",
) -> None:
    values = kernel["depthwise_kernel"] if "depthwise_kernel" in kernel else kernel["kernel"]
    # (height, width, in, out), depthwise (height, width, channels, 1).
    values = values.transpose((2, 3, 0, 1) if conv.groups > 1 else (3, 2, 0, 1))
    _fill(conv.weight, values)
    mean = batch_norm["moving_mean"]
    # ResNet50's convolutions have a bias, ours none: the batch norm's mean takes it in.
    mean = mean - kernel["bias"] if "bias" in kernel else mean
    _fill(norm.bias, batch_norm["beta"])
    _fill(norm.running_mean, mean)
    _fill(norm.running_var, batch_norm["moving_variance"])
    # InceptionV3's batch norms do not scale.
    _fill(norm.weight, batch_norm.get("gamma", np.ones_like(mean)))


def _fill(target: Tensor | None, values: "np.ndarray[Any, Any]") -> None:
    if target is None or tuple(target.shape) != values.shape:
        shape = None if target is None else tuple(target.shape)
        raise ValueError(f"a layer of shape {values.shape} where {shape} belongs")
    with torch.no_grad():
        target.copy_(torch.from_numpy(np.ascontiguousarray(values, np.float32)))


def dense_layers(model: KerasModel) -> list[tuple[Tensor, Tensor]]:
    """Weights (out, in) and biases (out,) of the dense layers, in the order of the model."""
    names = [entry["config"]["name"] for entry in model.config if entry["class_name"] == "Dense"]
    return [
        (
            torch.from_numpy(np.ascontiguousarray(model.layers[name]["kernel"].T, np.float32)),
            torch.from_numpy(_bias(model.layers[name])),
        )
        for name in names
    ]


def _bias(layer: "dict[str, np.ndarray[Any, Any]]") -> "np.ndarray[Any, np.dtype[np.float32]]":
    outputs = layer["kernel"].shape[1]
    return np.asarray(layer.get("bias", np.zeros(outputs)), np.float32)
