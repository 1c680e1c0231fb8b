"""Classifiers that were trained in Keras, as bundles; TensorFlow is not needed."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from maskwatch import __version__
from maskwatch.errors import ModelInvalid, SinkError, UsageError
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle
from maskwatch.training.export import NETWORK, export_onnx
from maskwatch.training.workshop.backbones import PREPROCESSING, keras_backbone
from maskwatch.training.workshop.bundling import input_of, parameters_of
from maskwatch.training.workshop.choices import Pool, Preprocess
from maskwatch.training.workshop.keras import (
    KerasModel,
    backbone_of,
    dense_layers,
    load_keras_backbone,
    read_keras,
)
from maskwatch.training.workshop.networks import Classifier, head_of
from maskwatch.types import CLASSES

_POOLS = {
    "AveragePooling2D": Pool.AVG,
    "GlobalAveragePooling2D": Pool.AVG,
    "MaxPooling2D": Pool.MAX,
    "GlobalMaxPooling2D": Pool.MAX,
    "Flatten": Pool.FLATTEN,
}
_OF_BACKBONES = ("Conv2D", "DepthwiseConv2D", "BatchNormalization", "ReLU", "Activation", "Add",
    "Concatenate", "ZeroPadding2D", "MaxPooling2D", "AveragePooling2D", "InputLayer")  # fmt: skip
_OF_HEADS = ("Flatten", "Dense", "Dropout", "Reshape", *_POOLS)
NAMED_PREPROCESSING = {
    "mobilenet_v2": Preprocess.TF,
    "inception_v3": Preprocess.TF,
    "resnet50": Preprocess.CAFFE,
    "resnet": Preprocess.CAFFE,
    **{kind.value: kind for kind in PREPROCESSING},
}
"""Keras's modules with a `preprocess_input`, and our own names."""


def network_of(model: KerasModel, preprocess: Preprocess) -> tuple[Classifier, int]:
    """The network of a whole Keras model, and the side of its pictures in pixels.

    Raises:
        ModelInvalid: not a MobileNetV2, ResNet50 or InceptionV3 with pooling and dense layers.
    """
    if not model.config:
        raise ModelInvalid("the file holds weights alone: save the whole model, model.save(FILE)")
    name = backbone_of(model.layers)
    _check_kinds(model)
    base = keras_backbone(name)
    load_keras_backbone(base, name, model.layers)
    side = _side(model)
    dense = dense_layers(model)
    if not dense:
        raise ModelInvalid("the model ends in no dense layer")
    *hidden, (weight, bias) = dense
    activations = [
        entry["config"].get("activation")
        for entry in model.config
        if entry["class_name"] == "Dense"
    ]
    if any(activation != "relu" for activation in activations[:-1]):
        raise ModelInvalid(f"dense layers before the last are relu here, got {activations[:-1]}")
    if len(bias) == 1:
        if activations[-1] != "sigmoid":
            raise ModelInvalid(f"one output must be a sigmoid's, got {activations[-1]}")
        # Of the second label; the first one's logit is 0.
        weight, bias = (torch.cat([torch.zeros_like(part), part]) for part in (weight, bias))
    elif activations[-1] not in ("softmax", "linear"):
        raise ModelInvalid(f"several outputs must be a softmax's, got {activations[-1]}")
    units = tuple(len(part) for _, part in hidden)
    head = head_of(dense[0][0].shape[1], units, 0.0, len(bias))
    linear = [layer for layer in head if isinstance(layer, nn.Linear)]
    for layer, (values, offsets) in zip(linear, [*hidden, (weight, bias)], strict=True):
        layer.weight.data, layer.bias.data = values, offsets
    network = Classifier(base, head, _pool(model), PREPROCESSING[preprocess]).eval()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, side, side))
    except RuntimeError as error:
        raise ModelInvalid(f"its layers do not fit together as read: {error}") from error
    return network, side


def _check_kinds(model: KerasModel) -> None:
    """Make sure that no layer computes what the rebuilt network does not.

    Raises:
        ModelInvalid: a layer that is not known, or not there.
    """
    kinds = [entry["class_name"] for entry in model.config]
    last = _end_of_backbone(kinds)
    allowed = [(kinds[: last + 1], _OF_BACKBONES), (kinds[last + 1 :], _OF_HEADS)]
    # What follows the last convolution's sum still belongs to it.
    while allowed[1][0] and allowed[1][0][0] in ("BatchNormalization", "ReLU", "Activation"):
        allowed[1][0].pop(0)
    for found, known in allowed:
        if other := sorted(set(found) - set(known)):
            raise ModelInvalid(
                f"the model has layers of kinds that cannot be rebuilt: {', '.join(other)}"
            )


def _end_of_backbone(kinds: list[str]) -> int:
    return max(i for i, kind in enumerate(kinds) if kind in ("Conv2D", "Concatenate", "Add"))


def _side(model: KerasModel) -> int:
    for entry in model.config:
        shape = entry["config"].get("batch_input_shape") or entry["config"].get("batch_shape")
        if shape and len(shape) == 4:
            if shape[1] != shape[2] or not shape[1]:
                raise ModelInvalid(f"only square pictures of one size are known, got {shape}")
            return int(shape[1])
    raise ModelInvalid("the model does not say how large its pictures are")


def _pool(model: KerasModel) -> Pool:
    """What follows the backbone: the first pool after its last convolution, or a flattening."""
    kinds = [entry["class_name"] for entry in model.config]
    for kind in kinds[_end_of_backbone(kinds) :]:
        if kind in _POOLS:
            return _POOLS[kind]
    raise ModelInvalid("the model has neither a pool nor a flattening before its dense layers")


def import_bundle(
    file: Path, out: Path, *, labels: tuple[str, ...], preprocess: str, name: str
) -> Bundle:
    """Read a Keras model and write it as a bundle.

    Args:
        file: .h5, saved whole.
        out: the bundle's folder; new or empty.
        labels: the state that each output means, in their order.
        preprocess: the Keras module whose `preprocess_input` it was trained with, or one of ours.
        name: of the bundle.

    Raises:
        UsageError: labels that do not fit, or an unknown preprocessing.
        ModelInvalid: the file is another kind of model.
        MissingExtra: h5py is not installed.
        SinkError: the bundle cannot be written.
    """
    if preprocess not in NAMED_PREPROCESSING:
        raise UsageError(f"--preprocess takes {', '.join(NAMED_PREPROCESSING)}, got {preprocess!r}")
    states = [state.value for state in CLASSES[: len(labels)]]
    if sorted(labels) != sorted(states) or len(labels) < 2:
        raise UsageError(
            "--labels takes mask,no_mask or mask,no_mask,incorrect in the order of the outputs, "
            f"got {','.join(labels)}"
        )
    network, side = network_of(read_keras(file), NAMED_PREPROCESSING[preprocess])
    last: Any = list(network.head.children())[-1]
    if last.out_features != len(labels):
        raise UsageError(f"the model has {last.out_features} outputs, --labels {len(labels)}")
    order = [labels.index(state) for state in states]
    last.weight.data, last.bias.data = last.weight.data[order], last.bias.data[order]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot write {out}: {error.strerror}") from error
    export_onnx(network, out / "model.onnx", side, keep=out / NETWORK)
    bundle = Bundle(
        folder=out,
        name=name,
        version=__version__,
        kind="classifier",
        input=input_of(network, side),
        labels=tuple(states),
        sha256={},
        licence="unknown",
        data={"imported from": file.name},
        figures={"parameters": parameters_of(network)},
    )
    bundles.write(bundle)
    return bundle
