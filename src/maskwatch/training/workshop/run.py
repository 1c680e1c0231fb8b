"""A training from a set to a run folder, which is a bundle."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskwatch.data.formats.files import write_text
from maskwatch.errors import SinkError, UsageError
from maskwatch.evaluation.training import HISTORY, read_history
from maskwatch.images import planes
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle
from maskwatch.training.memory import keep_freed_memory
from maskwatch.training.workshop.bundling import bundle_of
from maskwatch.training.workshop.choices import ClassWeights, Pool
from maskwatch.training.workshop.features import FeatureMaker, feature_batches
from maskwatch.training.workshop.fit import Batches, fit
from maskwatch.training.workshop.learner import Learner
from maskwatch.training.workshop.networks import Classifier, build
from maskwatch.training.workshop.parts import Parts, class_weights
from maskwatch.training.workshop.report import draw_training
from maskwatch.training.workshop.samples import Samples, batches
from maskwatch.training.workshop.settings import TrainSettings

SETTINGS, _COMMAND = "training.json", "train"
_FEATURES = "features"
_WIDEST = 8192
"""Features a picture that are worth keeping; a flattened map has tens of thousands."""
Tell = Callable[[str, int, int], None]
"""Called with what is done, how many pictures of it are done now, and how many there are."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A finished training: its bundle, what it logged, and the seconds of this call."""

    bundle: Bundle
    history: list[dict[str, float]]
    seconds: float


def train(
    parts: Parts,
    settings: TrainSettings,
    out: Path,
    *,
    data: str,
    name: str,
    names: str | None = None,
    overwrite: bool = False,
    tell: Tell = lambda *_: None,
    progress: bool = False,
) -> Trained:
    """Train, going on where an earlier run of the same settings in the same folder was killed.

    Args:
        parts: what is learnt from and watched.
        settings: how.
        out: the run folder; it gets the bundle, `history.csv`, checkpoints and TensorBoard's log.
        data: where the pictures come from, for the bundle.
        name: of the bundle.
        names: what class names mean, as the user said it.
        overwrite: replace a training that is there instead of going on with it.
        tell: hears of progress before the training itself.
        progress: whether to draw a bar of the training.

    Raises:
        UsageError: another training lies there, or settings that do not fit.
        ModelNotFound: the backbone's weights cannot be had.
        ModelInvalid: they are of another backbone, or the export differs.
        SinkError: something cannot be written.
    """
    start = perf_counter()
    keep_freed_memory()
    L.seed_everything(settings.seed, verbose=False)
    # Before an earlier run is replaced: weights may not be there.
    network = build(settings, parts.classes)
    wanted = {"data": data, "names": names, "pictures": parts.key, **settings.plain()}
    _claim(out, wanted, overwrite=overwrite)
    learner, source = prepared(network, parts, settings, out / _FEATURES, tell)
    fit(learner, source, out, progress=progress)
    network.eval()
    history = read_history(out / HISTORY)
    seconds = perf_counter() - start
    bundle = bundle_of(
        network,
        parts,
        settings,
        out,
        name=name,
        data={"set": data, "class names": names},
        history=history,
        seconds=seconds,
    )
    bundles.write(bundle)
    draw_training(network, parts.train, settings, history, out)
    shutil.rmtree(out / _FEATURES, ignore_errors=True)
    return Trained(bundle, history, seconds)


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
        source = _features(network, parts, settings, folder / _key(settings, parts), tell)
        return Learner(network.head, settings, weights), source
    return Learner(network, settings, weights, whole=network), _pictures(network, parts, settings)


def check_room(out: Path, data: Path, *, overwrite: bool) -> None:
    """Make sure that a training may go into a folder; nothing is changed.

    It may be new, empty, an unfinished training, or with `overwrite` a finished one.

    Raises:
        UsageError: it holds something else, or what is read.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: name a folder")
    if not out.exists() or not any(out.iterdir()):
        return
    if _noted(out).get("command") != _COMMAND:
        raise UsageError(f"{out} holds something else than a training: name another folder")
    if data.resolve().is_relative_to(out.resolve()):
        raise UsageError(f"{out} holds what is read: name another folder")
    if (out / bundles.FILE).exists() and not overwrite:
        raise UsageError(f"{out} is a finished run: replace it with --overwrite or name another")


def _noted(out: Path) -> dict[str, Any]:
    """What a run folder says of its training; nothing where it is none."""
    try:
        noted = json.loads((out / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _claim(out: Path, wanted: dict[str, Any], *, overwrite: bool) -> None:
    """Take a new folder, or one whose unfinished training is this very one, or replace another."""
    wanted = json.loads(json.dumps({"command": _COMMAND, **wanted}))
    known = _noted(out)
    other = sorted(key for key in wanted if known.get(key) != wanted[key])
    if known and not overwrite and not other:
        return
    if known and not overwrite:
        raise UsageError(
            f"{out} holds a training with other {', '.join(other)}: name another folder, or begin "
            "anew with --overwrite"
        )
    try:
        if known:
            shutil.rmtree(out)
    except OSError as error:
        raise SinkError(f"cannot delete {out}: {error.strerror}") from error
    write_text(json.dumps(wanted, indent=1) + "\n", out / SETTINGS)


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
) -> Batches:
    """Batches of features; each epoch sees the next view of every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    maker = FeatureMaker(network, settings, folder / "backbone.onnx")
    views = min(settings.views, settings.epochs)
    total = views * len(parts.train) + len(parts.val)

    def tick(count: int) -> None:
        tell("features", count, total)

    for view in range(views):
        maker.write(parts.train, _view(folder, view), change=settings.augment, draw=view, tick=tick)
    maker.write(parts.val, folder / "val.npy", change=None, draw=0, tick=tick)

    def training(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = _order(parts.train, settings, epoch)
        return feature_batches(_view(folder, epoch % views), parts.train, settings, order)

    def watching(_: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = np.arange(len(parts.val))
        return feature_batches(folder / "val.npy", parts.val, settings, order)

    return _counted(training, watching, parts, settings)


def _view(folder: Path, view: int) -> Path:
    return folder / f"view-{view}.npy"


def _pictures(network: Classifier, parts: Parts, settings: TrainSettings) -> Batches:
    """Batches of pictures, changed anew in every epoch."""
    threads = 2 if torch.cuda.is_available() else 1

    def shown(
        samples: Samples, order: NDArray[np.int64], *, draw: int | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        side, pixels = settings.input_size, network.pixels
        for batch in batches(
            samples, order, settings, change=None if draw is None else settings.augment,
            draw=draw or 0, threads=threads,
        ):  # fmt: skip
            array = planes(
                batch.pictures, (side, side), colour=pixels.colour, mean=pixels.mean, std=pixels.std
            )
            inputs = torch.from_numpy(array).contiguous(memory_format=torch.channels_last)
            yield inputs, torch.from_numpy(samples.labels[batch.rows])

    def training(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        return shown(parts.train, _order(parts.train, settings, epoch), draw=epoch)

    def watching(_: int) -> Iterator[tuple[Tensor, Tensor]]:
        return shown(parts.val, np.arange(len(parts.val)), draw=None)

    return _counted(training, watching, parts, settings)


def _counted(training: Any, watching: Any, parts: Parts, settings: TrainSettings) -> Batches:
    steps, val_steps = (-(-len(s) // settings.batch) for s in (parts.train, parts.val))
    return Batches(training, watching, steps, val_steps)


def _order(samples: Samples, settings: TrainSettings, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((settings.seed, 1, epoch)).permutation(len(samples))
