"""Where batches come from: pictures changed anew in every epoch, or features computed once."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskwatch.data.augment import Augmentation
from maskwatch.images import planes
from maskwatch.training.workshop.backbones import Pixels
from maskwatch.training.workshop.choices import ClassWeights, Pool
from maskwatch.training.workshop.devices import dealt, dealt_evenly, process_count
from maskwatch.training.workshop.features import FeatureMaker
from maskwatch.training.workshop.fit import Batches, Loader
from maskwatch.training.workshop.learner import Learner
from maskwatch.training.workshop.networks import Classifier
from maskwatch.training.workshop.parts import Parts, class_weights
from maskwatch.training.workshop.samples import Samples, batches
from maskwatch.training.workshop.settings import TrainSettings

Tell = Callable[[str, int, int], None]
"""Called with what is done, how many pictures of it are done now, and how many there are."""
_WIDEST = 8192
"""Features a picture that are worth keeping; a flattened map has tens of thousands."""


def prepared(
    network: Classifier, parts: Parts, settings: TrainSettings, folder: Path, tell: Tell
) -> tuple[Learner, Batches]:
    """What learns, and from what: the head from features that `folder` keeps, or the whole network.

    Raises:
        SinkError: features cannot be written.
    """
    balanced = settings.class_weights is ClassWeights.BALANCED
    weights = torch.from_numpy(class_weights(parts.train, parts.classes, balanced=balanced))
    if _worth_keeping(network, settings):
        train, val = _features(network, parts, settings, folder / _key(settings, parts), tell)
        learner = Learner(network.head, settings, weights)
    else:
        train = PictureLoader(parts.train, settings, network.pixels, settings.augment)
        val = PictureLoader(parts.val, settings, network.pixels, None)
        learner = Learner(network, settings, weights, whole=network)
    steps, val_steps = (-(-len(s) // settings.batch) for s in (parts.train, parts.val))
    return learner, Batches(train, val, steps, val_steps)


def _worth_keeping(network: Classifier, settings: TrainSettings) -> bool:
    """Whether features are computed once: the backbone is frozen, and they are few."""
    if not settings.frozen or not settings.views:
        return False
    return settings.pool is not Pool.FLATTEN or network.width <= _WIDEST


_OF_FEATURES = (
    "backbone", "weights", "preprocess", "input_size", "resize", "pool", "augment", "seed",
)  # fmt: skip


def _key(settings: TrainSettings, parts: Parts) -> str:
    """Short, and another for other features."""
    values = settings.plain()
    text = json.dumps([parts.key, *(values[name] for name in _OF_FEATURES)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _features(
    network: Classifier, parts: Parts, settings: TrainSettings, folder: Path, tell: Tell
) -> tuple[Loader, Loader]:
    """Batches of features; each epoch sees the next view of every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    maker = FeatureMaker(network, settings, folder / "backbone.onnx")
    views = [folder / f"view-{view}.npy" for view in range(min(settings.views, settings.epochs))]
    watched = folder / "val.npy"
    total = len(views) * len(parts.train) + len(parts.val)

    def tick(count: int) -> None:
        tell("features", count, total)

    maker.write(parts.train, views, change=settings.augment, tick=tick)
    maker.write(parts.val, [watched], change=None, tick=tick)
    train = FeatureLoader(tuple(views), parts.train, settings, shuffled=True)
    return train, FeatureLoader((watched,), parts.val, settings, shuffled=False)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureLoader:
    """Batches of features (n, width) and labels (n,); each epoch reads the next of the files."""

    files: tuple[Path, ...]
    samples: Samples
    settings: TrainSettings
    shuffled: bool

    def __call__(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch; pictures that could not be read are left out."""
        table = np.load(self.files[epoch % len(self.files)], mmap_mode="r")
        rows = np.flatnonzero(np.isfinite(table[:, 0]))
        for some in _dealt(rows, self.settings, epoch, shuffled=self.shuffled):
            yield torch.from_numpy(table[some]), torch.from_numpy(self.samples.labels[some])


@dataclass(frozen=True, slots=True, eq=False)
class PictureLoader:
    """Batches of pictures (n, 3, side, side) and labels (n,), changed anew in every epoch; with
    no `change` they come as they are, and in their order."""

    samples: Samples
    settings: TrainSettings
    pixels: Pixels
    change: Augmentation | None

    def __call__(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch; pictures that cannot be read are left out."""
        side, pixels = self.settings.input_size, self.pixels
        rows = np.arange(len(self.samples))
        parts = _dealt(rows, self.settings, epoch, shuffled=self.change is not None)
        made = 0
        for batch in batches(
            self.samples, parts, self.settings, change=self.change, draws=(epoch,),
            threads=2 if torch.cuda.is_available() else 1,
        ):  # fmt: skip
            array = planes(
                batch.pictures, (side, side), colour=pixels.colour, mean=pixels.mean, std=pixels.std
            )
            inputs = torch.from_numpy(array).contiguous(memory_format=torch.channels_last)
            last = inputs, torch.from_numpy(self.samples.labels[batch.rows])
            made += 1
            yield last
        if made and process_count() > 1:
            # Processes wait for each other at every batch: one whose pictures went missing must
            # not have fewer.
            yield from [last] * (len(parts) - made)


def _dealt(
    rows: NDArray[np.int64], settings: TrainSettings, epoch: int, *, shuffled: bool
) -> list[NDArray[np.int64]]:
    """The batches of this process."""
    if not shuffled:
        return dealt_evenly(rows, settings.batch)
    order = np.random.default_rng((settings.seed, 1, epoch)).permutation(len(rows))
    return dealt(rows[order], settings.batch)
