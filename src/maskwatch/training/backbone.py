"""Networks from timm, and ImageNet weights that lie in a file."""

from collections import OrderedDict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from maskwatch.errors import ModelInvalid

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


def build(
    name: str,
    weights: Path | None,
    *,
    classes: int = 3,
    dropout: float = 0.2,
    blocks: int | None = None,
) -> nn.Module:
    """A timm network with a new head.

    Args:
        name: any of `timm.list_models()`.
        weights: a file of the backbone, safetensors or PyTorch's; None starts from random weights.
        classes: outputs.
        dropout: chance that a feature before the head is dropped.
        blocks: of a MobileNetV2's 17 blocks, how many to keep; the head then follows the last.
    """
    network: Any = timm.create_model(name, num_classes=classes, drop_rate=dropout)
    if weights is not None:
        load_backbone(network, read_weights(weights), str(weights))
        _take_imagenet_normalisation(network)
    if blocks is not None:
        _cut_after(network, blocks, classes)
    head = network.get_classifier()
    # timm scales the head for a thousand classes; with three, its first losses would be 8 to 11
    # and wreck the weights below.
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    module: nn.Module = network
    return module


def _cut_after(network: Any, blocks: int, classes: int) -> None:
    """Leave out the last blocks: in a MobileNetV2 they hold most weights and save little time."""
    stages = []
    for stage in network.blocks:
        kept = list(stage)[:blocks]
        blocks -= len(kept)
        if kept:
            stages.append(nn.Sequential(*kept))
    network.blocks = nn.Sequential(*stages)
    network.conv_head, network.bn2 = nn.Identity(), nn.Identity()
    features = [m for m in network.blocks.modules() if isinstance(m, nn.Conv2d)][-1].out_channels
    network.num_features = network.head_hidden_size = features
    network.classifier = nn.Linear(features, classes)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, in the order in which their modules were built.

    Raises:
        ModelInvalid: the file is neither safetensors nor PyTorch's.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(_in_build_order(load_file(path)))
        # PyTorch's own files keep that order.
        weights: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        raise ModelInvalid(f"{path} holds no weights that can be read: {error}") from error
    return weights


def load_backbone(network: nn.Module, weights: dict[str, Tensor], name: str) -> None:
    """Copy weights into a network whose layers come in the same order under other names.

    torchvision, timm and others name a backbone's layers differently but build them in one order,
    which their shapes confirm one by one.

    Args:
        network: a timm network.
        weights: in the order in which their modules were built; heads are left out.
        name: of the weights, for the error.

    Raises:
        ModelInvalid: the layers do not match.
    """
    ours, theirs = _features(network.state_dict()), _features(weights)
    if [t.shape for t in ours.values()] != [t.shape for t in theirs.values()]:
        raise ModelInvalid(f"{name} does not hold the layers of this network in their order")
    state = OrderedDict(zip(ours, theirs.values(), strict=True))
    network.load_state_dict(state, strict=False)


def _features(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without heads and counters."""
    heads = ("classifier.", "_fc.")
    return {
        key: tensor
        for key, tensor in weights.items()
        if not key.startswith(heads) and not key.endswith("num_batches_tracked")
    }


def _in_build_order(weights: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    """Weights sorted as modules register them: safetensors holds its keys in alphabetical order."""
    parameters = ("weight", "bias", "running_mean", "running_var")

    def place(key: str) -> tuple[list[int], int]:
        *path, leaf = key.split(".")
        return [int(part) for part in path if part.isdigit()], parameters.index(leaf)

    kept = [(k, t) for k, t in weights.items() if not k.endswith("num_batches_tracked")]
    return sorted(kept, key=lambda item: place(item[0]))


def _take_imagenet_normalisation(network: Any) -> None:
    """Let a backbone whose pixels had another mean and deviation take those of `normalised`.

    What differs is linear: it goes into the first convolution and its batch norm.

    Raises:
        ModelInvalid: it has no such pair.
    """
    config = network.pretrained_cfg
    if np.allclose(config["mean"], np.array(IMAGENET_MEAN) / 255, atol=1e-3):
        return
    if not hasattr(network, "conv_stem") or not hasattr(network, "bn1"):
        raise ModelInvalid("this backbone wants pixels of another mean, which is not known for it")
    mean, std = torch.tensor(config["mean"]) * 255, torch.tensor(config["std"]) * 255
    scale = torch.tensor(IMAGENET_STD) / std
    shift = (torch.tensor(IMAGENET_MEAN) - mean) / std
    weight = network.conv_stem.weight.data
    network.bn1.running_mean -= (weight * shift.view(1, 3, 1, 1)).sum(dim=(1, 2, 3))
    weight *= scale.view(1, 3, 1, 1)


def normalised(batch: Tensor) -> Tensor:
    """Pictures (n, h, w, 3) of uint8 as ImageNet's input, shape (n, 3, h, w)."""
    mean = torch.tensor(IMAGENET_MEAN, device=batch.device)
    std = torch.tensor(IMAGENET_STD, device=batch.device)
    return (
        ((batch.float() - mean) / std)
        .permute(0, 3, 1, 2)
        .contiguous(memory_format=torch.channels_last)
    )
