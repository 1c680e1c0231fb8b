"""The published presets, trained here: published beside measured, and the two honest figures.

Each preset with two states is trained on balajisrinivas-3833 (which stands in for the sets that are
not to be had) twice: split 80 to 20 at random, as published, where the validation part is the test
part; and with near duplicates kept together. The second run is then asked about the labelled boxes
of ilc2021-val with two states. Those with three states learn from the boxes of ilc2021-train and
are tested on those of ilc2021-val. ResNet50 and InceptionV3 have no ImageNet weights here: they
learn from scratch, briefly, on some pictures, which proves that they run and reproduces nothing.

    scripts/bench classic                        # all of them, some hours on two cores
    scripts/bench classic --only mobilenetv2-avgpool
"""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from kit.detection import DATA
from kit.report import RESULTS, Row, save, show

from maskwatch.app.settings import Settings
from maskwatch.data.duplicates import TwinsWithin
from maskwatch.data.facts import Facts, facts_of
from maskwatch.data.formats import read_set
from maskwatch.data.groups import groups_of
from maskwatch.data.labelled import LabelledSet
from maskwatch.data.split import split_groups
from maskwatch.evaluation.intervals import interval
from maskwatch.evaluation.metrics import accuracy, counted
from maskwatch.evaluation.report import Evaluation
from maskwatch.evaluation.run import evaluate_all
from maskwatch.evaluation.training import HISTORY, read_history
from maskwatch.training.workshop.parts import Parts, parts_of
from maskwatch.training.workshop.presets import PRESETS, Preset
from maskwatch.training.workshop.run import train
from maskwatch.training.workshop.settings import NO_WEIGHTS, TrainSettings

_CLASSIC, _SCENES, _TESTED = "balajisrinivas-3833", "ilc2021-train", "ilc2021-val"
_SHARES = {"train": 0.8, "val": 0.2}
_WITHOUT_WEIGHTS = ("resnet50", "inceptionv3")
_FEW_PICTURES, _FEW_EPOCHS = 160, 2
_SMALLEST_FACE = 12


def main(
    only: Annotated[list[str] | None, typer.Option(help="Presets; else all.")] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many.")] = None,
) -> None:
    """Train, measure, show, keep; presets that are not named keep their rows."""
    rows = _kept()
    for name in only or list(PRESETS):
        preset = PRESETS[name]
        settings = preset.settings.but(epochs=epochs and min(epochs, preset.settings.epochs))
        with TemporaryDirectory() as folder:
            rows[name] = _row(name, preset, settings, Path(folder))
        show("presets", [rows[name]])
        save("classic", [rows[key] for key in PRESETS if key in rows])
    show("presets", [{k: v for k, v in row.items() if k in _SHOWN} for row in rows.values()])


_SHOWN = ("preset", "published", "measured", "leak-free", "cross-source", "training s", "note")


def _kept() -> dict[str, Row]:
    """The rows of earlier runs."""
    file = RESULTS / "classic.csv"
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as text:
        return {row["preset"]: dict(row) for row in csv.DictReader(text)}


def _row(name: str, preset: Preset, settings: TrainSettings, folder: Path) -> Row:
    row: Row = {"preset": name, "published": preset.published}
    if settings.classes == 3:
        return row | _three(settings, folder) | {"note": preset.assumed}
    labelled = read_set(DATA / _CLASSIC)
    facts = list(facts_of([picture.path for picture in labelled.pictures]))
    note = preset.assumed
    if settings.backbone in _WITHOUT_WEIGHTS:
        labelled, facts = _some(labelled, facts)
        settings = settings.but(
            weights=NO_WEIGHTS, epochs=_FEW_EPOCHS, lr=1e-3, decay=0.0, loss="categorical"
        )
        note = (
            f"not a reproduction: no ImageNet weights, {_FEW_EPOCHS} epochs from scratch on "
            f"{len(facts)} pictures; {note}"
        )
    figures: dict[str, Row] = {}
    for split in ("random", "grouped"):
        parts = _split(labelled, facts, settings, grouped=split == "grouped")
        done = train(parts, settings, folder / split, data=_CLASSIC, name=split)
        # As published: pictures read as training reads them. The bundle scales them smoothly.
        validation = done.history[-1]["val_accuracy"]
        figures[split] = {
            "accuracy": validation, "twins": parts.leaks["exact"] + parts.leaks["near"],
            "watched": parts.leaks["pictures"], "seconds": done.seconds,
            "train": done.history[-1]["train_accuracy"], "epochs": len(done.history),
        }  # fmt: skip
    crossed = _crossed(folder / "grouped")
    random, grouped = figures["random"], figures["grouped"]
    share = float(random["twins"]) / float(random["watched"])
    return row | {
        "measured": _percent(random["accuracy"]),
        "leak-free": _percent(grouped["accuracy"]),
        "cross-source": crossed,
        "training accuracy": _percent(random["train"]),
        "epochs": random["epochs"],
        "training s": round(float(random["seconds"])),
        "twins in the random split": _percent(share),
        "faces watched": random["watched"],
        "note": note,
    }


def _three(settings: TrainSettings, folder: Path) -> Row:
    """Three states: learnt from ilc2021-train, tested on ilc2021-val."""
    labelled = read_set(DATA / _SCENES)
    facts = list(facts_of([picture.path for picture in labelled.pictures]))
    parts = _split(labelled, facts, settings, grouped=True)
    settings = settings.but(class_weights="balanced")
    done = train(parts, settings, folder / "run", data=_SCENES, name="run")
    evaluation = _evaluated(folder / "run")
    wrong = evaluation.summary["classes"]["incorrect"]
    words = _with_interval(evaluation, np.ones(len(evaluation.faces), bool))
    return {
        "measured": "-",
        "leak-free": _percent(done.bundle.figures["validation"]["accuracy"]),
        "cross-source": f"{words}; incorrect P/R {wrong['precision']:.2f}/{wrong['recall']:.2f}",
        "training accuracy": _percent(done.history[-1]["train_accuracy"]),
        "epochs": len(read_history(folder / "run" / HISTORY)),
        "training s": round(done.seconds),
        "twins in the random split": "-",
        "faces watched": len(parts.val),
    }


def _some(labelled: LabelledSet, facts: Sequence[Facts]) -> tuple[LabelledSet, list[Facts]]:
    rows = np.random.default_rng(42).choice(len(facts), _FEW_PICTURES, replace=False)
    return (
        replace(labelled, pictures=tuple(labelled.pictures[row] for row in rows)),
        [facts[row] for row in rows],
    )


def _split(
    labelled: LabelledSet, facts: Sequence[Facts], settings: TrainSettings, *, grouped: bool
) -> Parts:
    twins = TwinsWithin(facts) if grouped else []
    groups = groups_of(len(facts), twins)
    names = split_groups(labelled.pictures, groups, _SHARES, 42)
    pictures = tuple(
        replace(p, split=part) for p, part in zip(labelled.pictures, names, strict=True)
    )
    return parts_of(replace(labelled, pictures=pictures), facts, settings.classes, settings.seed)


def _evaluated(run: Path) -> Evaluation:
    settings = Settings(min_face=_SMALLEST_FACE, threads=2)
    (done,) = evaluate_all([str(run)], read_set(DATA / _TESTED), settings)
    return done


def _crossed(run: Path) -> str:
    """Accuracy over the faces with two states of photos from elsewhere."""
    done = _evaluated(run)
    return _with_interval(done, done.faces.truth < 2)


def _with_interval(done: Evaluation, rows: np.ndarray) -> str:
    truth, table = done.faces.truth[rows], done.probabilities[rows]
    low, high = interval(accuracy, truth, table, done.faces.pictures[rows])
    return f"{float(accuracy(counted(truth, table))):.1%} [{low:.1%}, {high:.1%}]"


def _percent(value: object) -> str:
    return f"{float(str(value)):.2%}"


if __name__ == "__main__":
    typer.run(main)
