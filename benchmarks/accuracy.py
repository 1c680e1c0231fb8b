"""How right the classifiers are on the labelled boxes of the reporting sets: every figure.

Boxes with a short side of 12 pixels or more, square crops, argmax over three states with `unknown`
off; 95% intervals by bootstrap over pictures. Three tables are kept:

- accuracy: per set and classifier, with the labels as published and corrected by looking; and,
  with `unknown` on as it ships, the share of faces answered and how many answers are wrong;
- accuracy_groups: by size, turn of the head, kind and colour of mask, skin, light, what is before
  the face, and things drawn before it;
- accuracy_coverage: what remains wrong when the least sure answers are left out.

    scripts/bench accuracy [--classifier NAME_OR_FOLDER ...] [--reference FOLDER]

The classic classifier needs its environment (benchmarks/setup_classic); without it, it is left out.
`--reference` is a run of `python -m maskwatch.training reference`, the plain fine-tune.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from kit.breakdown import by_group
from kit.faces import CANNOT_TELL, LabelledFaces, read_faces
from kit.judges import CLASSIC_PYTHON, Judge, classic, ours
from kit.report import ROOT, Row, save, show

from maskwatch.evaluation.intervals import difference, interval
from maskwatch.evaluation.metrics import (
    accuracy,
    accuracy_of,
    balanced_compliance,
    calibration_error,
    counted,
    f1_of,
    risk_coverage,
)
from maskwatch.models.classifier import open_classifier, states_of
from maskwatch.types import CLASSES, Floats, MaskState

SETS = ("ilc2021-val", "kaggle853-dev")
CORRECTIONS = ROOT / "benchmarks" / "data" / "corrections-ilc2021-val.json"
_INCORRECT = CLASSES.index(MaskState.INCORRECT)
_COVERAGES = (1.0, 0.98, 0.95, 0.92, 0.9, 0.85, 0.8)


def main(
    classifier: Annotated[
        list[str] | None, typer.Option(help="Shipped names or folders; standard and small.")
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="Run of the plain fine-tune.")] = None,
    data: Annotated[Path, typer.Option(help="Folder of the sets.")] = ROOT.parent
    / "shared"
    / "data",
    keep: Annotated[bool, typer.Option(help="Keep the figures in results/.")] = True,
) -> None:
    """Measure on both reporting sets and keep the figures."""
    names = classifier or ["standard", "small"]
    judges: dict[str, Judge] = {name: ours(name) for name in names}
    if reference is not None:
        judges["plain fine-tune"] = ours(str(reference))
    if CLASSIC_PYTHON.exists():
        judges["classic"] = classic
    wholes, groups, coverages = [], [], []
    for name in SETS:
        faces = read_faces(data / name)
        tables = {who: judge(faces) for who, judge in judges.items()}
        for who, table in tables.items():
            row = {"set": name, "classifier": who, **_whole(faces, table)}
            row |= _corrected(faces, table, data / name) | _answered(names, who, faces, table)
            row |= _above(tables.get("plain fine-tune"), faces, table)
            wholes.append(row)
        for who in names:
            coverages += [{"set": name, "classifier": who, **r} for r in _curve(faces, tables[who])]
            groups += [
                {"set": name, "classifier": who, **r}
                for r in by_group(name, faces, tables[who], judges[who])
            ]
    for title, rows in (
        ("accuracy", wholes),
        ("accuracy_groups", groups),
        ("accuracy_coverage", coverages),
    ):
        show(title, rows)
        if keep:
            save(title, rows)


def _whole(faces: LabelledFaces, table: Floats) -> Row:
    got = accuracy_of(faces.labels, table.argmax(axis=1))
    low, high = interval(accuracy, faces.labels, table, faces.groups)
    f1_low, f1_high = interval(f1_of(_INCORRECT), faces.labels, table, faces.groups)
    return {
        "boxes": len(faces),
        "accuracy": got.accuracy,
        "low": low,
        "high": high,
        **{f"F1 {state}": value for state, value in zip(CLASSES, got.f1, strict=True)},
        "F1 incorrect low": f1_low,
        "F1 incorrect high": f1_high,
        "balanced compliance": float(balanced_compliance(counted(faces.labels, table))),
        "ECE": calibration_error(faces.labels, table),
    }


def _corrected(faces: LabelledFaces, table: Floats, folder: Path) -> Row:
    """With corrected labels, without the faces that nobody can tell."""
    if not CORRECTIONS.name.endswith(f"{folder.name}.json"):
        return {"corrected": "", "corrected low": "", "corrected high": ""}
    again = read_faces(folder, CORRECTIONS)
    rows = again.labels != CANNOT_TELL
    low, high = interval(accuracy, again.labels[rows], table[rows], faces.groups[rows])
    right = float(accuracy(counted(again.labels[rows], table[rows])))
    return {"corrected": right, "corrected low": low, "corrected high": high}


def _answered(names: list[str], who: str, faces: LabelledFaces, table: Floats) -> Row:
    """With unknown as it ships: what is answered, of large faces and of wrongly worn ones too."""
    keys = ("answered", "wrong of answered", "answered of 48 px", "answered of incorrect")
    if who not in names:
        return dict.fromkeys(keys, "")
    rule = open_classifier(who).bundle.unknown
    sure = states_of(table, faces.boxes, rule) != MaskState.UNKNOWN.value
    wrong = faces.labels != table.argmax(axis=1)
    values = (
        sure.mean(),
        wrong[sure].mean(),
        sure[faces.sides >= 48].mean(),
        sure[faces.labels == _INCORRECT].mean(),
    )
    return dict(zip(keys, map(float, values), strict=True))


def _above(reference: Floats | None, faces: LabelledFaces, table: Floats) -> Row:
    """How far above the plain fine-tune, in pairs."""
    row: Row = {}
    for what, metric in (("accuracy", accuracy), ("F1 incorrect", f1_of(_INCORRECT))):
        if reference is None:
            low, high = float("nan"), float("nan")
        else:
            low, high = difference(metric, faces.labels, reference, table, faces.groups)
        row |= {f"{what} above plain, low": low, f"{what} above plain, high": high}
    return row


def _curve(faces: LabelledFaces, table: Floats) -> list[Row]:
    coverage, wrong = risk_coverage(faces.labels, table)
    picked = [int(np.searchsorted(coverage, c - 1e-6)) for c in _COVERAGES]
    thresholds = np.sort(table.max(axis=1))[::-1]
    return [
        {
            "answered": float(coverage[i]),
            "wrong of answered": float(wrong[i]),
            "threshold": float(thresholds[i]),
        }
        for i in picked
    ]


if __name__ == "__main__":
    typer.run(main)
