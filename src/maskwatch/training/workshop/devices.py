"""One training in several processes, each with a device of its own."""

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

from maskwatch.errors import UsageError
from maskwatch.training.workshop.parts import Parts
from maskwatch.training.workshop.settings import TrainSettings

_Rows = NDArray[np.int64]


def check_devices(devices: int, parts: Parts, settings: TrainSettings) -> None:
    """Make sure that there are so many, and enough for each to do.

    Raises:
        UsageError: there are not.
    """
    there, what = torch.cuda.device_count(), "GPUs"
    if not there:
        there, what = os.cpu_count() or 1, "cores, and no GPU"
    if not 1 <= devices <= there:
        raise UsageError(f"--devices is 1 to {there}, as there are {there} {what}, got {devices}")
    if devices > 1 and (settings.batch % devices or settings.batch < 2 * devices):
        raise UsageError(
            f"a batch of {settings.batch} cannot be dealt out to {devices} devices: name one that "
            f"is a multiple of {devices} and at least {2 * devices}"
        )
    if min(len(parts.train), len(parts.val)) < devices:
        raise UsageError(f"{devices} devices, but fewer faces to learn from or to watch")


def process_count() -> int:
    """Processes of this training."""
    return distributed.get_world_size() if _is_shared() else 1


def dealt(order: _Rows, batch: int) -> list[_Rows]:
    """The batches of this process; together, the processes have `batch` rows at each step.

    The last step is filled up from the beginning, so that all have as many rows: then the mean of
    their gradients is that of the whole.
    """
    rank, count = _place()
    parts = np.split(order, range(batch, len(order), batch))
    parts[-1] = np.concatenate([parts[-1], order[: -len(parts[-1]) % count]])
    return [part[rank::count] for part in parts]


def dealt_evenly(order: _Rows, batch: int) -> list[_Rows]:
    """The same without any row twice: all have as many batches, but not all of the same size."""
    rank, count = _place()
    return np.array_split(order[rank::count], max(1, -(-len(order) // batch)))


def _place() -> tuple[int, int]:
    """Which process this is, and of how many."""
    return (distributed.get_rank() if _is_shared() else 0), process_count()


def _is_shared() -> bool:
    return distributed.is_available() and distributed.is_initialized()
