"""A training from a set to a run folder, which is a bundle."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning as L

from maskwatch.data.formats.files import write_text
from maskwatch.errors import SinkError, UsageError
from maskwatch.evaluation.training import HISTORY, read_history
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle
from maskwatch.training.memory import keep_freed_memory
from maskwatch.training.workshop.bundling import bundle_of
from maskwatch.training.workshop.devices import check_devices
from maskwatch.training.workshop.fit import fit
from maskwatch.training.workshop.networks import build
from maskwatch.training.workshop.parts import Parts
from maskwatch.training.workshop.report import draw_training
from maskwatch.training.workshop.settings import TrainSettings
from maskwatch.training.workshop.sources import Tell, prepared

SETTINGS, _COMMAND = bundles.TRAINING, "train"
_FEATURES = "features"


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A finished training: its bundle, what it logged, and its seconds, those of epochs before it
    was killed included."""

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
    devices: int = 1,
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
        devices: GPUs, or without any processes, that share each batch.
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
    check_devices(devices, parts, settings)
    L.seed_everything(settings.seed, verbose=False)
    # Before an earlier run is replaced: weights may not be there.
    network = build(settings, parts.classes)
    wanted = {"data": data, "names": names, "pictures": parts.key, **settings.plain()}
    _claim(out, wanted, overwrite=overwrite)
    learner, source = prepared(network, parts, settings, out / _FEATURES, tell)
    before = sum(row.get("seconds", 0.0) for row in read_history(out / HISTORY))
    fit(learner, source, out, devices=devices, progress=progress, since=start)
    network.eval()
    history = read_history(out / HISTORY)
    seconds = before + perf_counter() - start
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
    draw_training(network, parts, settings, history, out)
    shutil.rmtree(out / _FEATURES, ignore_errors=True)
    return Trained(bundle, history, seconds)


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
