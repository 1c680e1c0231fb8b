"""The fast way with a frozen backbone: its features are computed once, and the head learns on them.

Of each picture some augmented views are taken, and each epoch sees one of them, in turn. A frozen
backbone gives the same features for the same pixels, so nothing is lost but the variety of views.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from maskwatch.data.augment import Augmentation
from maskwatch.errors import SinkError
from maskwatch.images import planes
from maskwatch.models.runtime import Network
from maskwatch.training.export import export_onnx
from maskwatch.training.workshop.networks import Classifier, Features
from maskwatch.training.workshop.samples import Samples, batches, in_parts
from maskwatch.training.workshop.settings import TrainSettings
from maskwatch.types import Floats

Tick = Callable[[int], None]
"""Called with the number of pictures that are done."""
_AT_ONCE = 8
"""Larger batches leave the processor's caches."""


class FeatureMaker:
    """The backbone of a classifier in ONNX Runtime.

    Args:
        network: whose backbone and pool it is.
        settings: of the training.
        file: gets the backbone; one that is there is taken as it is.
    """

    def __init__(self, network: Classifier, settings: TrainSettings, file: Path) -> None:
        if not file.exists():
            part = file.with_suffix(".part")
            export_onnx(Features(network), part, settings.input_size, output="features")
            part.replace(file)
        self._width, self._pixels = network.width, network.pixels
        self._network, self._settings = Network(file), settings

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
        self, samples: Samples, files: Sequence[Path], *, change: Augmentation | None, tick: Tick
    ) -> None:
        """Compute the features of all samples, changed anew for each file; each is decoded once.

        A row is NaN where the picture cannot be read. A file that is there is taken as it is, and
        one that was begun is gone on with.

        Raises:
            SinkError: one cannot be written.
        """
        missing = {draw: file for draw, file in enumerate(files) if not file.exists()}
        tick(len(samples) * (len(files) - len(missing)))
        if not missing:
            return
        threads = max(1, (os.cpu_count() or 2) // 2)
        try:
            with ExitStack() as stack:
                tables = {
                    draw: stack.enter_context(_Table(file, len(samples), self._width))
                    for draw, file in missing.items()
                }
                begun = min(table.done for table in tables.values())
                tick(begun * len(missing))
                rows = in_parts(np.arange(begun, len(samples)), self._settings.batch)
                for batch in batches(
                    samples, rows, self._settings, change=change, draws=tuple(missing),
                    threads=threads,
                ):  # fmt: skip
                    tables[batch.draw].write(batch.rows, self.of(batch.pictures))
                    tick(len(batch.rows))
                for table in tables.values():
                    table.finish()
        except OSError as error:
            raise SinkError(f"cannot write {files[0].parent}: {error.strerror}") from error


class _Table:
    """A file of features that grows row by row: mapped memory would count as memory in use.

    Args:
        file: gets them, an array (rows, width) as NumPy keeps it, once it is finished.
        rows: how many there will be.
        width: features of each.
    """

    def __init__(self, file: Path, rows: int, width: int) -> None:
        self._file, self._part = file, file.with_suffix(".part")
        self._rows, self._width = rows, width
        self._stream = self._part.open("r+b" if self._part.exists() else "w+b")
        about = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
        npy.write_array_header_1_0(self._stream, about)
        self._start, self._bytes = self._stream.tell(), 4 * width
        size = self._stream.seek(0, os.SEEK_END)
        self.done = (size - self._start) // self._bytes
        """Rows that are there."""

    def __enter__(self) -> "_Table":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, rows: NDArray[np.int64], features: Floats) -> None:
        """Write rows, in ascending order; those left out before the last one are NaN."""
        first = min(int(rows[0]), self.done)
        block = np.full((int(rows[-1]) + 1 - first, self._width), np.nan, "<f4")
        block[rows - first] = features
        self._stream.seek(self._start + first * self._bytes)
        self._stream.write(block.tobytes())
        self.done = int(rows[-1]) + 1

    def finish(self) -> None:
        """Nothing comes any more."""
        if self.done < self._rows:
            self.write(np.array([self._rows - 1]), np.full((1, self._width), np.nan, np.float32))
        self._stream.close()
        self._part.replace(self._file)
