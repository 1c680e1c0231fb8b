"""A network read from ONNX as PyTorch runs it, with the layers that our classifiers have."""

import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper
from torch import fx, nn

from maskwatch.errors import ModelInvalid

_Arrays = Mapping[str, NDArray[np.generic]]


def read_onnx(file: Path) -> nn.Module:
    """A module with the file's one input and one output.

    Raises:
        ModelInvalid: the file has an operator that is not known here.
    """
    model = onnx.load(str(file)).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.initializer}
    root, graph = nn.Module(), fx.Graph()
    values = {model.input[0].name: graph.placeholder(model.input[0].name)}
    for number, node in enumerate(model.node):
        inputs = tuple(values[name] for name in node.input if name in values)
        if (call := _call(node, arrays)) is not None:
            function, more = call
            first = (list(inputs),) if function is torch.cat else inputs
            made = graph.call_function(function, (*first, *more))
        else:
            root.add_module(f"layer_{number}", _layer(node, arrays, file))
            made = graph.call_module(f"layer_{number}", inputs)
        values[node.output[0]] = made
    graph.output(values[model.output[0].name])
    return fx.GraphModule(root, graph).eval()


def _call(node: NodeProto, arrays: _Arrays) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """The function of an operator without weights, as a committee has them, and what it is told."""
    said = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    told = [arrays[name].tolist() for name in node.input if name in arrays]
    match node.op_type:
        case "Add" if not told:
            return operator.add, ()
        case "Slice" if len(told) == 4 and told[2][0] > 0 and told[3] == [1]:
            (start,), (stop,), (axis,), _ = told
            return operator.getitem, ((*[slice(None)] * axis, slice(start, stop)),)
        case "Unsqueeze":
            return torch.unsqueeze, (told[0][0],)
        case "Concat" if not told:
            return torch.cat, (said["axis"],)
        case "ReduceMean" if told[0] == [0]:
            return torch.mean, (0, bool(said["keepdims"]))
    return None


def _layer(node: NodeProto, arrays: _Arrays, file: Path) -> nn.Module:
    said = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    weights = [arrays[name] for name in node.input if name in arrays]
    match node.op_type:
        case "Conv" if said["pads"][:2] == said["pads"][2:]:
            return _convolution(weights, said)
        case "Clip":
            low, high = (float(bound) for bound in weights)
            return nn.ReLU6() if (low, high) == (0, 6) else nn.Hardtanh(low, high)
        case "ReduceMean" if sorted(axis % 4 for axis in weights[0].tolist()) == [2, 3]:
            return nn.AdaptiveAvgPool2d(1)
        case "LogSoftmax":
            return nn.LogSoftmax(dim=said["axis"])
        case "Flatten":
            return nn.Flatten()
        case "Gemm" if said["transB"]:
            return _filled(nn.Linear(*weights[0].shape[::-1]), weights)
    raise ModelInvalid(f"{file}: a {node.op_type} of this kind is not known here: {said}")


def _convolution(weights: list[NDArray[np.generic]], said: dict[str, Any]) -> nn.Module:
    after, before, *kernel = weights[0].shape
    groups = int(said["group"])
    made = nn.Conv2d(
        before * groups, after, tuple(kernel), stride=tuple(said["strides"]),
        padding=tuple(said["pads"][:2]), dilation=tuple(said["dilations"]), groups=groups,
        bias=len(weights) > 1,
    )  # fmt: skip
    return _filled(made, weights)


def _filled(layer: nn.Module, weights: list[NDArray[np.generic]]) -> nn.Module:
    """A layer with its weights, and its bias if it has one."""
    for parameter, values in zip(layer.parameters(), weights, strict=True):
        parameter.data = torch.from_numpy(np.array(values))
    return layer
