"""The labelled faces of a set, and pictures of them as a network wants them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import short_side
from maskwatch.data.augment import Augmentation
from maskwatch.data.labelled import LabelledPicture
from maskwatch.errors import MaskwatchError, SourceError
from maskwatch.images import decode, squashed
from maskwatch.training.workshop.settings import TrainSettings
from maskwatch.types import CLASSES, Boxes, Image

_AHEAD = 3


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """n labelled faces: files, boxes (1, 4) in them (None: the whole picture), labels (n,).

    `unreadable` collects, while pictures are read, a sentence about each that cannot be.
    """

    paths: tuple[Path, ...]
    boxes: tuple[Boxes | None, ...]
    labels: NDArray[np.int64]
    unreadable: dict[Path, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    def counts(self, classes: int) -> list[int]:
        """Faces of each state."""
        return [int(count) for count in np.bincount(self.labels, minlength=classes)]


def samples_of(
    pictures: Sequence[LabelledPicture], classes: int, where: str = "the set"
) -> Samples:
    """The faces of a set whose state is among the first `classes`; boxes of no size are left out.

    Raises:
        SourceError: there is none.
    """
    wanted = CLASSES[:classes]
    paths: list[Path] = []
    boxes: list[Boxes | None] = []
    labels: list[int] = []
    for picture in pictures:
        for number, state in enumerate(picture.states):
            box = None if picture.boxes is None else picture.boxes[number : number + 1]
            if state in wanted and (box is None or short_side(box)[0] >= 1):
                paths.append(picture.path)
                boxes.append(box)
                labels.append(wanted.index(state))
    if not paths:
        raise SourceError(f"{where} has no face labelled {' or '.join(wanted)}")
    return Samples(tuple(paths), tuple(boxes), np.array(labels, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures (n, side, side, 3) of uint8, and which samples they show, `rows` (n,)."""

    pictures: NDArray[np.uint8]
    rows: NDArray[np.int64]


def batches(
    samples: Samples,
    rows: NDArray[np.int64],
    settings: TrainSettings,
    *,
    change: Augmentation | None,
    draw: int,
    threads: int,
) -> Iterator[Batch]:
    """Pictures of some samples, read a few batches ahead; those that cannot be read are left out.

    Args:
        samples: where they come from.
        rows: which, in which order.
        settings: size, resizing and batch.
        change: how they are changed, None leaves them.
        draw: the number of the draw: seed, draw and sample together decide a picture's change.
        threads: that read.
    """

    def batch_of(some: NDArray[np.int64]) -> Batch | None:
        read = [(row, _picture(samples, int(row), settings, change, draw)) for row in some]
        found = [(row, picture) for row, picture in read if picture is not None]
        if not found:
            return None
        return Batch(np.stack([p for _, p in found]), np.array([row for row, _ in found], np.int64))

    parts = iter(np.split(rows, range(settings.batch, len(rows), settings.batch)))
    with ThreadPoolExecutor(threads) as pool:
        coming = [pool.submit(batch_of, part) for part in islice(parts, _AHEAD + threads)]
        while coming:
            batch = coming.pop(0).result()
            coming += [pool.submit(batch_of, part) for part in islice(parts, 1)]
            if batch is not None:
                yield batch


def _picture(
    samples: Samples, row: int, settings: TrainSettings, change: Augmentation | None, draw: int
) -> Image | None:
    path = samples.paths[row]
    try:
        image = decode(path)
    except MaskwatchError as error:
        samples.unreadable[path] = str(error)
        return None
    seen = squashed(image, samples.boxes[row], settings.input_size, how=settings.resize.value)
    if change is None:
        return seen
    return change(seen, np.random.default_rng((settings.seed, draw, row)))


def check_states(samples: Samples, classes: int, where: str) -> None:
    """Make sure that there is something to tell apart.

    Raises:
        SourceError: a state has no face.
    """
    missing = [CLASSES[i] for i, count in enumerate(samples.counts(classes)) if not count]
    if missing:
        raise SourceError(
            f"{where} has no face labelled {' or '.join(missing)}: there is nothing to tell apart; "
            "add some, or train with fewer --classes"
        )
