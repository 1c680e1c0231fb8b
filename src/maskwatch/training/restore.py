"""A MobileNetV2 that can be trained on, from the file of one that was exported.

Exporting folds each batch norm into its convolution. Here they are put back with the statistics of
real pictures: the network answers as the file does, and learns as one that was never exported.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from maskwatch.data.crops import FaceCrops
from maskwatch.errors import ModelInvalid
from maskwatch.training.backbone import build
from maskwatch.training.bundling import calibration
from maskwatch.training.fit import together
from maskwatch.training.plans import Plan
from maskwatch.training.workshop.floats import is_quantised, write_floats

_LEAST_DEVIATION = 1e-3


def restored(file: Path, plan: Plan, crops: FaceCrops) -> list[nn.Module]:
    """The members of a plan with the weights of its exported file, in evaluation mode.

    Args:
        file: as in `restore`.
        plan: that it was trained by.
        crops: faces; some hundred of those that are not held out are looked at.

    Raises:
        ModelInvalid: the file holds another network.
    """
    firsts = [member[0] for member in plan.members]
    members = [build(recipe.backbone, None, blocks=recipe.blocks) for recipe in firsts]
    learnt = crops[np.flatnonzero(~crops.held_out)]
    pictures = (torch.from_numpy(batch) for batch in calibration(learnt, plan.first))
    restore(together(members, plan.sides), file, pictures)
    return [member.eval() for member in members]


def restore(network: nn.Module, file: Path, pictures: Iterable[Tensor]) -> None:
    """Give a network, or a committee of several, the weights of an ONNX file.

    Args:
        network: as `maskwatch.training.backbone.build` makes it, of the file's shape; its
            convolutions are each followed by a batch norm, in the order in which they compute.
        file: written by `maskwatch.training.export`, in floats or in 8-bit integers.
        pictures: batches (n, 3, side, side) as the network will see them: some hundred pictures.

    Raises:
        ModelInvalid: the file holds other layers.
    """
    modules = list(network.modules())
    norms = [m for m in modules if isinstance(m, nn.BatchNorm2d)]
    layers = [m for m in modules if isinstance(m, nn.Conv2d | nn.Linear)]
    weights = _weights(file)
    # Only what a batch norm follows has no bias.
    paired = [isinstance(m, nn.Conv2d) for m in layers] == [m.bias is None for m in layers]
    ours = [tuple(layer.weight.shape) for layer in layers]
    if (
        ours != [tuple(w.shape) for w, _ in weights]
        or not paired
        or len(norms) != sum(layer.bias is None for layer in layers)
    ):
        raise ModelInvalid(f"{file} does not hold the layers of this network in their order")
    with torch.no_grad():
        following = iter(norms)
        for layer, (weight, bias) in zip(layers, weights, strict=True):
            layer.weight.copy_(weight)
            if layer.bias is None:
                _let_through(next(following), bias)
            else:
                layer.bias.copy_(bias)
        for norm, (mean, variance) in zip(norms, _seen(network, norms, pictures), strict=True):
            _normalise(norm, mean, variance)


def _weights(file: Path) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution and dense layer, in the order in which they compute."""
    with TemporaryDirectory() as folder:
        floats = file
        if is_quantised(file):
            floats = Path(folder) / "floats.onnx"
            write_floats(file, floats)
        graph = onnx.load(str(floats)).graph
    arrays: dict[str, Any] = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found = []
    for node in _member_by_member(graph):
        if node.op_type in ("Conv", "Gemm"):
            weight, *rest = (np.array(arrays[name], np.float32) for name in node.input[1:])
            # A bias of zeros is not written.
            bias = rest[0] if rest else np.zeros(len(weight), np.float32)
            found.append((torch.from_numpy(weight), torch.from_numpy(bias)))
    return found


def _member_by_member(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes in an order in which they can compute; those of a committee are not interleaved."""
    makers = {name: node for node in graph.node for name in node.output}
    seen: set[str] = set()
    ordered: list[onnx.NodeProto] = []

    def visit(name: str) -> None:
        node = makers.get(name)
        if node is None or node.output[0] in seen:
            return
        seen.add(node.output[0])
        for needed in node.input:
            visit(needed)
        ordered.append(node)

    for output in graph.output:
        visit(output.name)
    return ordered


def _let_through(norm: nn.BatchNorm2d, bias: Tensor) -> None:
    """Add a bias and change nothing else."""
    nn.init.zeros_(_buffer(norm, "running_mean"))
    nn.init.constant_(_buffer(norm, "running_var"), 1 - norm.eps)
    nn.init.ones_(norm.weight)
    norm.bias.copy_(bias)


def _normalise(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Do as before, by way of a mean and a variance."""
    _buffer(norm, "running_mean").copy_(mean)
    _buffer(norm, "running_var").copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.add_(mean)


def _seen(
    network: nn.Module, norms: list[nn.BatchNorm2d], pictures: Iterable[Tensor]
) -> list[tuple[Tensor, Tensor]]:
    """Mean and variance, over all pictures and places, of what comes to each batch norm."""
    sums = [torch.zeros(3, norm.num_features, dtype=torch.float64) for norm in norms]

    def watch(total: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            values = inputs[0].double()
            count = values.numel() / values.shape[1]
            total[0] += count
            total[1] += values.sum(dim=(0, 2, 3))
            total[2] += (values**2).sum(dim=(0, 2, 3))

        return hook

    hooks = [
        norm.register_forward_pre_hook(watch(total))
        for norm, total in zip(norms, sums, strict=True)
    ]
    was_training = network.training
    network.eval()
    for batch in pictures:
        network(batch)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    means = [total[1] / total[0] for total in sums]
    variances = [
        (total[2] / total[0] - mean**2).clamp_min(_LEAST_DEVIATION**2)
        for total, mean in zip(sums, means, strict=True)
    ]
    return [(m.float(), v.float()) for m, v in zip(means, variances, strict=True)]


def _buffer(norm: nn.BatchNorm2d, name: str) -> Tensor:
    buffer = getattr(norm, name)
    if not isinstance(buffer, Tensor):
        raise ModelInvalid("a batch norm without statistics cannot be given any")
    return buffer
