"""How often the classifier is right on the labelled boxes of the reporting sets.

Boxes with a short side of 12 pixels or more, argmax over three states with `unknown` off; 95%
intervals by bootstrap over pictures. And with `unknown` on, as it ships: the share of faces that
is answered, and how many of the answers are wrong.

    scripts/bench accuracy [--classifier NAME_OR_FOLDER]
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from kit.report import ROOT, Row, save, show

from maskwatch import MaskDetector
from maskwatch.boxes import short_side
from maskwatch.data.labelled import read_coco
from maskwatch.evaluation.metrics import accuracy_of, interval
from maskwatch.models.bundle import UnknownRule
from maskwatch.models.classifier import open_classifier, states_of
from maskwatch.types import CLASSES, Faces, Image, MaskState

SETS = ("ilc2021-val", "kaggle853-dev")
_SMALLEST_SIDE = 12


class NoDetector:
    """The boxes are given."""

    def detect(self, images: list[Image]) -> list[Faces]:
        """Return no faces."""
        return [Faces.empty() for _ in images]


def main(
    classifier: Annotated[str, typer.Option(help="Shipped name or folder.")] = "standard",
    data: Annotated[Path, typer.Option(help="Folder of the sets.")] = ROOT.parent
    / "shared"
    / "data",
) -> None:
    """Measure on both reporting sets and keep the figures."""
    detector = MaskDetector(classifier=classifier, detector=NoDetector(), unknown=0)
    rule = open_classifier(classifier).bundle.unknown
    rows = [_measure(detector, rule, data / name) for name in SETS]
    show(f"labelled boxes, classifier {classifier}", rows)
    save("accuracy", rows)


def _measure(detector: MaskDetector, rule: UnknownRule, folder: Path) -> Row:
    truth, told, groups, answered = [], [], [], []
    for number, picture in enumerate(read_coco(folder)):
        if picture.boxes is None or not len(picture.boxes):
            continue
        kept = short_side(picture.boxes) >= _SMALLEST_SIDE
        faces = detector.classify(picture.path, picture.boxes[kept])
        truth += [CLASSES.index(s) for s, keep in zip(picture.states, kept, strict=True) if keep]
        told += faces.probabilities.argmax(axis=1).tolist()
        states = states_of(faces.probabilities, faces.boxes, rule)
        answered += (states != MaskState.UNKNOWN.value).tolist()
        groups += [number] * len(faces)
    labels, answers = np.array(truth), np.array(told)
    got = accuracy_of(labels, answers)
    low, high = interval(labels, answers, np.array(groups))
    sure = np.array(answered)
    f1 = {f"F1 {state}": value for state, value in zip(CLASSES, got.f1, strict=True)}
    return {
        "set": folder.name,
        "boxes": len(labels),
        "accuracy": got.accuracy,
        "low": low,
        "high": high,
        **f1,
        "answered": float(sure.mean()),
        "wrong of answered": float((labels != answers)[sure].mean()),
    }


if __name__ == "__main__":
    typer.run(main)
