"""Classifiers: a backbone, its features pooled, and a head as the settings want it."""

import torch
from torch import Tensor, nn

from maskwatch.errors import UsageError
from maskwatch.training.workshop.backbones import PREPROCESSING, Pixels, backbone_of
from maskwatch.training.workshop.choices import Pool, Preprocess
from maskwatch.training.workshop.settings import TrainSettings


class Classifier(nn.Module):
    """A backbone, its features pooled, and a head of dense layers.

    Args:
        base: pictures (n, 3, side, side) to a map of features (n, channels, h, w).
        head: features to logits (n, classes).
        pool: what lies between them.
        pixels: how pictures become the base's input.
    """

    def __init__(self, base: nn.Module, head: nn.Module, pool: Pool, pixels: Pixels) -> None:
        super().__init__()
        self.base, self.head, self.pool, self.pixels = base, head, pool, pixels

    @property
    def width(self) -> int:
        """Features of a picture."""
        layers = (layer for layer in self.head.modules() if isinstance(layer, nn.Linear))
        return next(layers).in_features

    def features(self, pictures: Tensor) -> Tensor:
        """Pooled features of shape (n, features)."""
        found: Tensor = self.base(pictures)
        return pooled(found, self.pool)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits of shape (n, classes)."""
        logits: Tensor = self.head(self.features(pictures))
        return logits


class Features(nn.Module):
    """A classifier without its head, to be exported."""

    def __init__(self, whole: Classifier) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, pictures: Tensor) -> Tensor:
        """Pooled features of shape (n, features)."""
        return self.whole.features(pictures)


def pooled(features: Tensor, pool: Pool) -> Tensor:
    """A map (n, channels, h, w) as a vector (n, features)."""
    if pool is Pool.FLATTEN:
        return features.flatten(1)
    return features.amax(dim=(2, 3)) if pool is Pool.MAX else features.mean(dim=(2, 3))


def build(settings: TrainSettings, classes: int) -> Classifier:
    """The network of a training, its first weights loaded.

    Args:
        settings: which backbone, weights and head.
        classes: outputs.

    Raises:
        UsageError: no such backbone.
        ModelNotFound: its weights cannot be had.
        ModelInvalid: they are not of this backbone.
    """
    torch.manual_seed(settings.seed)
    base, own = backbone_of(settings)
    pixels = own if settings.preprocess is Preprocess.OWN else PREPROCESSING[settings.preprocess]
    with torch.no_grad():
        base.eval()
        shape = base(torch.zeros(1, 3, settings.input_size, settings.input_size)).shape
    known = getattr(base, "num_features", shape[1])
    if len(shape) != 4 or shape[1] not in (known, getattr(base, "head_hidden_size", known)):
        raise UsageError(
            f"{settings.backbone} gives features of shape {tuple(shape[1:])}: only backbones that "
            "give maps of (channels, height, width) are known, not transformers"
        )
    width = shape[1] * shape[2] * shape[3] if settings.pool is Pool.FLATTEN else shape[1]
    head = head_of(width, settings.units, settings.dropout, classes)
    return Classifier(base, head, settings.pool, pixels)


def head_of(width: int, units: tuple[int, ...], dropout: float, classes: int) -> nn.Sequential:
    """Dense layers with ReLU and dropout, then the answer; weights as Keras draws them."""
    layers: list[nn.Module] = []
    for unit in units:
        layers += [nn.Linear(width, unit), nn.ReLU()]
        width = unit
    layers += [nn.Dropout(dropout), nn.Linear(width, classes)]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)
