"""The fast way with a frozen backbone: its features are computed once, and the head learns on them.

Of each picture some augmented views are taken, and each epoch sees one of them, in turn. A frozen
backbone gives the same features for the same pixels, so nothing is lost but the variety of views.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from maskwatch.data.augment import Augmentation
from maskwatch.errors import SinkError
from maskwatch.images import planes
from maskwatch.models.runtime import Network
from maskwatch.training.export import export_onnx
from maskwatch.training.workshop.networks import Classifier, Features
from maskwatch.training.workshop.samples import Samples, batches
from maskwatch.training.workshop.settings import TrainSettings
from maskwatch.types import Floats

Tick = Callable[[int], None]
"""Called with the number of pictures that are done."""
_AT_ONCE = 8
"""Larger batches leave the processor's caches."""
_NONE = np.float32("nan")


class FeatureMaker:
    """The backbone of a classifier in ONNX Runtime.

    Args:
        network: whose backbone and pool it is.
        settings: of the training.
        file: gets the network.
    """

    def __init__(self, network: Classifier, settings: TrainSettings, file: Path) -> None:
        export_onnx(Features(network), file, settings.input_size, output="features")
        self._network, self._settings, self._pixels = Network(file), settings, network.pixels

    def of(self, pictures: NDArray[np.uint8]) -> Floats:
        """Features (n, width) of pictures (n, side, side, 3)."""
        side, pixels = self._settings.input_size, self._pixels
        parts = [
            self._network(
                planes(some, (side, side), colour=pixels.colour, mean=pixels.mean, std=pixels.std)
            )["features"]
            for some in np.split(pictures, range(_AT_ONCE, len(pictures), _AT_ONCE))
        ]
        return np.concatenate(parts)

    def write(
        self, samples: Samples, file: Path, *, change: Augmentation | None, draw: int, tick: Tick
    ) -> None:
        """Compute the features of all samples in one draw and keep them in a file.

        A row is NaN where the picture cannot be read. A file that is there is taken as it is.

        Raises:
            SinkError: it cannot be written.
        """
        if file.exists():
            tick(len(samples))
            return
        part = file.with_suffix(".part")
        rows = np.arange(len(samples))
        threads = max(1, (os.cpu_count() or 2) // 2)
        found = batches(samples, rows, self._settings, change=change, draw=draw, threads=threads)
        table: np.memmap[Any, np.dtype[np.float32]] | None = None
        try:
            for batch in found:
                features = self.of(batch.pictures)
                if table is None:
                    shape = len(samples), features.shape[1]
                    table = open_memmap(part, "w+", np.float32, shape)
                    table[:] = _NONE
                table[batch.rows] = features
                tick(len(batch.rows))
            if table is not None:
                table.flush()
                part.replace(file)
        except OSError as error:
            raise SinkError(f"cannot write {file}: {error.strerror}") from error


def feature_batches(
    file: Path, samples: Samples, settings: TrainSettings, order: NDArray[np.int64]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Features (n, width) and labels (n,) of samples in that order; unreadable ones left out."""
    table = np.load(file)
    order = order[np.isfinite(table[order, 0])]
    for rows in np.split(order, range(settings.batch, len(order), settings.batch)):
        yield torch.from_numpy(table[rows]), torch.from_numpy(samples.labels[rows])
