"""One setting changed at a time: mobilenetv2-avgpool on the classic set, split without leaks.

As the projects compared: size, brightness, vertical flip, learning rate, no augmentation, no
preprocessing; and the number of views whose features are computed once, of which twelve, one for
each epoch, is what training without that short cut sees. The interval is that of the share of the
validation faces told right (Wilson).

    scripts/bench ablations
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer
from kit.detection import DATA
from kit.report import Row, save, show

from maskwatch.data.duplicates import TwinsWithin
from maskwatch.data.facts import facts_of
from maskwatch.data.formats import read_set
from maskwatch.data.groups import groups_of
from maskwatch.data.split import split_groups
from maskwatch.evaluation.intervals import share_interval
from maskwatch.training.workshop.choices import Preprocess
from maskwatch.training.workshop.parts import Parts, parts_of
from maskwatch.training.workshop.presets import PRESETS
from maskwatch.training.workshop.run import train
from maskwatch.training.workshop.settings import TrainSettings

_SET, _PRESET, _SHARES = "balajisrinivas-3833", "mobilenetv2-avgpool", {"train": 0.8, "val": 0.2}


def main() -> None:
    """Train each, show, keep."""
    settings = PRESETS[_PRESET].settings
    parts, rows = _parts(settings), []
    for name, changed in _changes(settings).items():
        with TemporaryDirectory() as folder:
            done = train(parts, changed, Path(folder) / "run", data=_SET, name=name)
        share = done.bundle.figures["validation"]["accuracy"]
        low, high = share_interval(share, len(parts.val))
        row: Row = {
            "changed": name, "accuracy": share, "low": low, "high": high,
            "training accuracy": done.history[-1]["train_accuracy"],
            "seconds": round(done.seconds), "faces": len(parts.val),
        }  # fmt: skip
        rows.append(row)
        show(_PRESET, rows)
        save("ablations", rows)


def _changes(settings: TrainSettings) -> dict[str, TrainSettings]:
    augment: Any = settings.augment
    return {
        "nothing": settings,
        "4 views": settings.but(views=4),
        "12 views": settings.but(views=12),
        "256 px": settings.but(input_size=256),
        "brightness 0.3": settings.but(augment=replace(augment, brightness=(0.7, 1.3))),
        "vertical flip": settings.but(augment=replace(augment, vflip=True)),
        "lr 1e-3": settings.but(lr=1e-3),
        "lr 1e-5": settings.but(lr=1e-5),
        "no augmentation": settings.but(augment=type(augment)()),
        "no preprocessing": settings.but(preprocess=Preprocess.NONE),
    }


def _parts(settings: TrainSettings) -> Parts:
    labelled = read_set(DATA / _SET)
    facts = list(facts_of([picture.path for picture in labelled.pictures]))
    groups = groups_of(len(facts), TwinsWithin(facts))
    names = split_groups(labelled.pictures, groups, _SHARES, 42)
    pictures = tuple(
        replace(p, split=part) for p, part in zip(labelled.pictures, names, strict=True)
    )
    return parts_of(replace(labelled, pictures=pictures), facts, settings.classes, settings.seed)


if __name__ == "__main__":
    typer.run(main)
