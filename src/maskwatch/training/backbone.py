"""Networks from timm, and ImageNet weights that lie in a file."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import timm
import torch
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
        weights: a safetensors file of the backbone; None starts from random weights.
        classes: outputs.
        dropout: chance that a feature before the head is dropped.
        blocks: of a MobileNetV2's 17 blocks, how many to keep; the head then follows the last.
    """
    network: Any = timm.create_model(name, num_classes=classes, drop_rate=dropout)
    if weights is not None:
        load_backbone(network, load_file(weights), str(weights))
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


def load_backbone(network: nn.Module, weights: dict[str, Tensor], name: str) -> None:
    """Copy weights into a network whose layers come in the same order under other names.

    torchvision and timm name MobileNetV2's layers differently but build them in one order, which
    their shapes confirm one by one.

    Raises:
        ModelInvalid: the layers do not match.
    """
    ours = [
        (key, t) for key, t in network.state_dict().items() if not key.startswith("classifier.")
    ]
    ours = [(key, t) for key, t in ours if not key.endswith("num_batches_tracked")]
    theirs = [t for _, t in _in_build_order(weights)]
    if [t.shape for _, t in ours] != [t.shape for t in theirs]:
        raise ModelInvalid(f"{name} does not hold the layers of this network in their order")
    state = OrderedDict((key, new) for (key, _), new in zip(ours, theirs, strict=True))
    network.load_state_dict(state, strict=False)


def _in_build_order(weights: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    """Weights sorted as modules register them: a file may hold its keys in alphabetical order."""
    parameters = ("weight", "bias", "running_mean", "running_var")

    def place(key: str) -> tuple[list[int], int]:
        *path, leaf = key.split(".")
        return [int(part) for part in path if part.isdigit()], parameters.index(leaf)

    kept = [(k, t) for k, t in weights.items() if not k.endswith("num_batches_tracked")]
    return sorted(kept, key=lambda item: place(item[0]))


def normalised(batch: Tensor) -> Tensor:
    """Pictures (n, h, w, 3) of uint8 as ImageNet's input, shape (n, 3, h, w)."""
    mean = torch.tensor(IMAGENET_MEAN, device=batch.device)
    std = torch.tensor(IMAGENET_STD, device=batch.device)
    return (
        ((batch.float() - mean) / std)
        .permute(0, 3, 1, 2)
        .contiguous(memory_format=torch.channels_last)
    )
