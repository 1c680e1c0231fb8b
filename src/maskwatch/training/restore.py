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
from maskwatch.training.fit import Recipe
from maskwatch.training.workshop.floats import is_quantised, write_floats

_LEAST_DEVIATION = 1e-3


def restored(file: Path, recipe: Recipe, crops: FaceCrops) -> nn.Module:
    """The network of a recipe with the weights of its exported file, in evaluation mode.

    Args:
        file: as in `restore`.
        recipe: that it was trained with.
        crops: faces; some hundred of those that are not held out are looked at.

    Raises:
        ModelInvalid: the file holds another network.
    """
    network = build(recipe.backbone, None, blocks=recipe.blocks)
    learnt = crops[np.flatnonzero(~crops.held_out)]
    restore(network, file, (torch.from_numpy(batch) for batch in calibration(learnt, recipe)))
    return network.eval()


def restore(network: nn.Module, file: Path, pictures: Iterable[Tensor]) -> None:
    """Give a network the weights of an ONNX file.

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
    *convolutions, head = (m for m in modules if isinstance(m, nn.Conv2d | nn.Linear))
    weights = _weights(file)
    ours = [tuple(layer.weight.shape) for layer in (*convolutions, head)]
    paired = len(norms) == len(convolutions) and all(c.bias is None for c in convolutions)
    if ours != [tuple(w.shape) for w, _ in weights] or not paired or head.bias is None:
        raise ModelInvalid(f"{file} does not hold the layers of this network in their order")
    with torch.no_grad():
        *folded, last = weights
        for convolution, norm, (weight, bias) in zip(convolutions, norms, folded, strict=True):
            convolution.weight.copy_(weight)
            _let_through(norm, bias)
        head.weight.copy_(last[0])
        head.bias.copy_(last[1])
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
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            weight, *rest = (np.array(arrays[name], np.float32) for name in node.input[1:])
            # A bias of zeros is not written.
            bias = rest[0] if rest else np.zeros(len(weight), np.float32)
            found.append((torch.from_numpy(weight), torch.from_numpy(bias)))
    return found


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
