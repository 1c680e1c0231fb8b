"""The labelled faces of a set, and pictures of them as a network wants them."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
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
    """Pictures (n, side, side, 3) of uint8, which samples they show, `rows` (n,), and how those
    were changed: the number of the draw."""

    pictures: NDArray[np.uint8]
    rows: NDArray[np.int64]
    draw: int


def batches(
    samples: Samples,
    parts: Iterable[NDArray[np.int64]],
    settings: TrainSettings,
    *,
    change: Augmentation | None = None,
    draws: Sequence[int] = (0,),
    threads: int = 1,
) -> Iterator[Batch]:
    """Pictures of some samples, read a few batches ahead; those that cannot be read are left out.

    Args:
        samples: where they come from.
        parts: which samples each batch has, in order.
        settings: size and resizing.
        change: how they are changed, None leaves them.
        draws: what is read gives a batch for each of these: seed, draw and sample together decide
            a picture's change.
        threads: that read.
    """

    def read(rows: NDArray[np.int64]) -> list[Batch]:
        seen = {int(row): _seen(samples, int(row), settings) for row in rows}
        found = {row: image for row, image in seen.items() if image is not None}
        if not found:
            return []
        kept = np.array(list(found), np.int64)
        return [
            Batch(np.stack([changed(row, image, draw) for row, image in found.items()]), kept, draw)
            for draw in draws
        ]

    def changed(row: int, image: Image, draw: int) -> Image:
        if change is None:
            return image
        return change(image, np.random.default_rng((settings.seed, draw, row)))

    waiting = iter(parts)
    with ThreadPoolExecutor(threads) as pool:
        coming = deque(pool.submit(read, part) for part in islice(waiting, _AHEAD + threads))
        while coming:
            made = coming.popleft().result()
            coming.extend(pool.submit(read, part) for part in islice(waiting, 1))
            yield from made


def in_parts(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Rows, `size` at a time."""
    return np.split(rows, range(size, len(rows), size))


def _seen(samples: Samples, row: int, settings: TrainSettings) -> Image | None:
    """A face at the network's size; None where it cannot be read."""
    path = samples.paths[row]
    try:
        image = decode(path)
    except MaskwatchError as error:
        samples.unreadable[path] = str(error)
        return None
    return squashed(image, samples.boxes[row], settings.input_size, how=settings.resize.value)


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
