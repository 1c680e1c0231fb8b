"""From a network of 8-bit integers back to floats: the shipped classifiers are kept as integers.

Weights become what the integers stand for; of activations the rounding goes. Quantisation had left
ReLU6 to the limits of the integers: convolutions whose values begin at 0 get it back.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

_TO, _FROM = "QuantizeLinear", "DequantizeLinear"
_SHAPING = {"Reshape", "Gather", "Squeeze"}
_LOW, _HIGH = np.float32(0), np.float32(6)
_Array = NDArray[np.generic]


def is_quantised(file: Path) -> bool:
    """Whether an ONNX file computes with 8-bit integers."""
    graph = onnx.load(str(file), load_external_data=False).graph
    return any(node.op_type == _TO for node in graph.node)


def write_floats(file: Path, out: Path) -> None:
    """Write the network of floats behind one of integers; input and output keep their names.

    Args:
        file: as `maskwatch.training.export.quantise` writes it.
        out: gets the network.
    """
    model = onnx.load(str(file))
    graph = model.graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    outputs = {output.name for output in graph.output}
    nodes = _used(_without_integers(graph.node, arrays, outputs), outputs)
    read = {name for node in nodes for name in node.input}
    floats = {name: array for name, array in arrays.items() if name in read}
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in floats.items())
    onnx.checker.check_model(model)
    onnx.save(model, str(out))


def _without_integers(
    nodes: Iterable[NodeProto], arrays: dict[str, _Array], outputs: set[str]
) -> list[NodeProto]:
    """The nodes that compute; the weights among `arrays` become floats under their nodes' names."""
    names: dict[str, str] = {}
    makers: dict[str, NodeProto] = {}
    kept: list[NodeProto] = []

    def keep(node: NodeProto) -> None:
        kept.append(node)
        makers.update(dict.fromkeys(node.output, node))

    for node in nodes:
        first, told = names.get(node.input[0], node.input[0]), node.output[0]
        if node.op_type == _FROM and first in arrays:
            arrays[told] = _dequantised(node, arrays)
        elif node.op_type == _FROM and told in outputs:
            makers[first].output[0] = told
        elif node.op_type == _TO and _is_cut(node, arrays, makers.get(first)):
            arrays |= {f"{told}_low": np.array(_LOW), f"{told}_high": np.array(_HIGH)}
            keep(helper.make_node("Clip", [first, f"{told}_low", f"{told}_high"], [told]))
        elif node.op_type in (_TO, _FROM):
            names[told] = first
        else:
            node.input[:] = [names.get(name, name) for name in node.input]
            if node.op_type == "Gemm" and (source := _unshaped(first, makers)) != first:
                # PyTorch flattens in a dozen nodes that depend on the batch's size.
                flat = f"{first}_flat"
                keep(helper.make_node("Flatten", [source], [flat]))
                node.input[0] = flat
            keep(node)
    return kept


def _dequantised(node: NodeProto, arrays: Mapping[str, _Array]) -> _Array:
    """What integers stand for; scales may be one for each place along an axis."""
    integers, scale, zero = (arrays[name] for name in node.input)
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    sides = [1] * integers.ndim
    if scale.ndim:
        sides[axis] = -1
    whole = integers.astype(np.int64) - zero.astype(np.int64).reshape(sides)
    return np.asarray(whole * np.asarray(scale.reshape(sides), np.float32), np.float32)


def _is_cut(node: NodeProto, arrays: Mapping[str, _Array], maker: NodeProto | None) -> bool:
    """Whether values below 0 are lost to these integers, and came from a convolution."""
    return maker is not None and maker.op_type == "Conv" and int(arrays[node.input[2]]) == 0


def _unshaped(name: str, makers: Mapping[str, NodeProto]) -> str:
    """Where values were before they were only brought into another shape."""
    while name in makers and makers[name].op_type in _SHAPING:
        name = makers[name].input[0]
    return name


def _used(nodes: list[NodeProto], wanted: set[str]) -> list[NodeProto]:
    """Those that the outputs depend on."""
    kept: list[NodeProto] = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted = wanted | set(node.input)
    return kept[::-1]
