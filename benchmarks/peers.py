"""Whole systems side by side, from picture to states, on the reporting sets.

On kaggle853-dev: average precision of faces and states (the sets' own tool, detector score 0.02).
On ilc2021-val: recall of labelled boxes of 12 pixels and more at IoU 0.5, the share of those found
whose state is right (of three, and compliant or not), and right of all. Every system runs at its
own input: ours at a long side of 640. Boxes count from the score that each system uses by default.

    scripts/bench peers
"""

import json
from collections.abc import Callable
from typing import Annotated

import numpy as np
import typer
from kit.faces import read_faces
from kit.peers import Aizoo, UltraLight
from kit.report import ROOT, Row, save, show
from kit.scoring import score_records

from maskwatch import MaskDetector
from maskwatch.boxes import iou
from maskwatch.images import decode
from maskwatch.models import bundle as bundles
from maskwatch.models.catalogue import SHIPPED
from maskwatch.types import CLASSES, Boxes, Floats, Image, MaskState

SHARED = ROOT.parent / "shared"
Found = tuple[Boxes, Floats, Floats]
System = Callable[[Image], Found]
_MASK = CLASSES.index(MaskState.MASK)


def main(
    only: Annotated[str | None, typer.Option(help="One system by its name.")] = None,
) -> None:
    """Run each system over both sets and keep the figures."""
    bundle = bundles.read(SHIPPED / "maskwatch")
    second = bundle.second_stage
    systems: dict[str, tuple[System, float]] = {
        "maskwatch + standard": (
            _ours("maskwatch", "standard"),
            bundle.least_score if second is None else second.least_score,
        ),
        "maskwatch fast": (_ours("maskwatch", "standard", mode="fast"), bundle.least_score),
        "yunet + standard": (_ours("yunet", "standard"), 0.6),
        "yunet + small": (_ours("yunet", "small"), 0.6),
        "retinaface + standard": (_ours("retinaface", "standard"), 0.6),
        "aizoo": (_peer(Aizoo(SHARED / "weights" / "peers")), 0.5),
        "ultralight": (_peer(UltraLight(SHARED / "weights" / "peers")), 0.3),
    }
    rows: list[Row] = [
        {"system": name, **_precision(system), **_end_to_end(system, at)}
        for name, (system, at) in systems.items()
        if only in (None, name)
    ]
    show("from picture to states", rows)
    if only is None:
        save("peers", rows)


def _ours(detector: str, classifier: str, **more: str) -> System:
    judge = MaskDetector(detector=detector, classifier=classifier, score=0.02, unknown=0, **more)

    def system(image: Image) -> Found:
        faces = judge(image)
        return faces.boxes, faces.scores, faces.probabilities

    return system


def _peer(peer: Callable[[Image], tuple[Boxes, Floats]]) -> System:
    def system(image: Image) -> Found:
        boxes, scores = peer(image)
        best = scores.max(axis=1)
        # So that score times probability is the published score of each state.
        parts = scores / np.maximum(best[:, None], 1e-6)
        return boxes, best, np.pad(parts, ((0, 0), (0, 1)))

    return system


def _precision(system: System) -> Row:
    folder = SHARED / "data" / "kaggle853-dev"
    lines = []
    for path in sorted((folder / "images").iterdir()):
        boxes, scores, table = system(decode(path))
        faces = [
            {
                "box": box,
                "score": score,
                "probabilities": dict(zip(CLASSES, probabilities, strict=True)),
            }
            for box, score, probabilities in zip(
                boxes.tolist(), scores.tolist(), table.tolist(), strict=True
            )
        ]
        lines.append(json.dumps({"path": path.name, "faces": faces}))
    return score_records(folder / "annotations.json", lines)


def _end_to_end(system: System, at_score: float) -> Row:
    faces = read_faces(SHARED / "data" / "ilc2021-val")
    told = np.full(len(faces), -1)
    for path, rows in faces.by_picture():
        boxes, scores, table = system(decode(path))
        sure = scores >= at_score
        overlaps = iou(faces.boxes[rows], boxes[sure])
        if overlaps.size:
            hit = overlaps.max(axis=1) >= 0.5
            told[rows[hit]] = table[sure].argmax(axis=1)[overlaps.argmax(axis=1)[hit]]
    found = told >= 0
    right = told == faces.labels
    compliant = (told == _MASK) == (faces.labels == _MASK)
    return {
        "recall": float(found.mean()),
        "state right": float(right[found].mean()),
        "compliance right": float(compliant[found].mean()),
        "right of all": float(right.mean()),
    }


if __name__ == "__main__":
    typer.run(main)
