"""Features with the style of another picture (MixStyle, Zhou et al. 2021).

Camera, light and compression show in the mean and the deviation of each channel of early feature
maps. A network that sees them exchanged within a batch cannot lean on whose photos it learns from.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_STAGES = 3
"""Of the network: those whose features are of looks more than of things."""
_CONCENTRATION = 0.1
"""Of the Beta distribution: a picture mostly keeps its style or takes another's, seldom halfway."""
_EPSILON = 1e-6


@contextmanager
def mixed_styles(network: nn.Module) -> Iterator[None]:
    """While this is open, pictures that pass a timm network take styles from others of their batch.

    Draws from torch's generator.

    Args:
        network: with `blocks`, its stages.
    """
    stages: Any = network.blocks
    hooks = [
        stage.register_forward_hook(lambda module, inputs, features: mixed(features))
        for stage in stages[:_STAGES]
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def mixed(features: Tensor) -> Tensor:
    """Feature maps (n, channels, h, w), the style of each mixed with that of another."""
    count = len(features)
    deviation, mean = torch.std_mean(features.detach(), dim=(2, 3), keepdim=True)
    deviation = deviation + _EPSILON
    other = torch.randperm(count)
    beta = torch.distributions.Beta(_CONCENTRATION, _CONCENTRATION)
    kept = beta.sample((count, 1, 1, 1)).to(features.device)
    new_deviation = deviation[other].lerp(deviation, kept)
    new_mean = mean[other].lerp(mean, kept)
    return (features - mean) / deviation * new_deviation + new_mean
