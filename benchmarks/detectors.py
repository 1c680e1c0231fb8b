"""The face detectors side by side: precision, recall by size, false boxes, right states.

On kaggle853-dev, pictures scaled to a long side of 320, 640 and 960 pixels: average precision of
faces (IoU 0.5, faces under 12 pixels ignored) with its 95% interval over pictures, recall by size
at a score of 0.02, and the average precision of each state, told by the shipped classifier or, for
`maskwatch fast`, which has no second stage, by the detector's own pass.

Where nobody is (regions of training pictures that were cleared by eye, and scikit-image's face-free
photos): false boxes a megapixel at the detector's own score. As `maskwatch` learnt from most of
these pictures, the same for unseen ones: held-out pictures, ilc2021-val and the photos. On
ilc2021-val at 640: recall of labelled boxes at the score at which false boxes of the first kind are
as few as YuNet's at 0.6, and the share of all that is found and told right. mtcnn and haar are
measured at 640 and at their own scores only.

    scripts/bench detectors
"""

import inspect
from typing import Annotated

import numpy as np
import typer
from kit.detection import (
    LOWEST_SCORE,
    SIZES_PX,
    Labelled,
    false_boxes,
    found_in,
    labelled,
    matches,
    opened,
    sizes,
    state_matches,
)
from kit.report import Row, save, show

from maskwatch import MaskDetector
from maskwatch.evaluation.detections import (
    average_precision,
    match,
    precision_interval,
    recall,
)
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.types import CLASSES, FaceDetector, Faces

SYSTEMS = ("maskwatch", "maskwatch fast", "yunet", "retinaface", "mtcnn", "haar")
LONG_SIDES = (320, 640, 960)
FOR_COMPARISON = ("mtcnn", "haar")
"""These take minutes for little: 640 only, and no places where nobody is."""
_STATES_AT = 640
_YUNET_SCORE = 0.6


def main(
    only: Annotated[str | None, typer.Option(help="One of the systems.")] = None,
    run: Annotated[str | None, typer.Option(help="A run's folder, for the shipped one.")] = None,
) -> None:
    """Measure, show, keep."""
    chosen = [name for name in SYSTEMS if only in (None, name)]
    allowed = false_boxes("yunet").a_megapixel(_YUNET_SCORE)
    rows: list[Row] = []
    ends: list[Row] = []
    for system in chosen:
        name = run if run and system.startswith("maskwatch") else system.split()[0]
        sides = (_STATES_AT,) if system in FOR_COMPARISON else LONG_SIDES
        rows += [_precision(system, name, side) for side in sides]
        ends.append(_end_to_end(system, name, allowed))
    show("kaggle853-dev", rows)
    show("nobody, and ilc2021-val", ends)
    if only is None and run is None:
        save("detectors", rows)
        save("detectors_ends", ends)


def _precision(system: str, name: str, long_side: int) -> Row:
    pictures = labelled("kaggle853-dev")
    found = found_in(_opened(system, name, long_side), pictures)
    faces = matches(pictures, found)
    low, high = precision_interval(faces)
    row: Row = {
        "detector": system,
        "long side": long_side,
        "face AP": average_precision(faces),
        "low": low,
        "high": high,
    }
    best = np.concatenate([one.found for one in faces])
    side = sizes(pictures)
    for least, most in SIZES_PX:
        rows = (side >= least) & (side < most)
        row[f"recall {least}-{most if most < 10_000 else ''} px"] = float((best[rows] > 0).mean())
    told = long_side == _STATES_AT
    judged = _judged(system, name, pictures, found) if told else []
    for number, state in enumerate(CLASSES):
        if not told:
            row |= {f"{state} AP": "", f"{state} low": "", f"{state} high": ""}
            continue
        parts = state_matches(pictures, judged, number)
        low, high = precision_interval(parts)
        row |= {
            f"{state} AP": average_precision(parts),
            f"{state} low": low,
            f"{state} high": high,
        }
    return row


def _judged(
    system: str, name: str, pictures: tuple[Labelled, ...], found: list[Faces]
) -> list[Faces]:
    """The same faces with the states of the system."""
    if not _two_stages(system):
        return found
    judge = MaskDetector(detector=_opened(system, name, _STATES_AT), unknown=0)
    out = []
    for one, faces in zip(pictures, found, strict=True):
        told = judge.classify(one.path, faces.boxes)
        out.append(Faces(faces.boxes, faces.scores, told.probabilities, told.states))
    return out


def _end_to_end(system: str, name: str, allowed: float) -> Row:
    own, two = _own_score(system, name), _two_stages(system)
    false = None if system in FOR_COMPARISON else false_boxes(name, second_stage=two)
    at = own if false is None else false.score_at(allowed)
    seen = {score: _seen(system, name, score) for score in {at, own}}
    return {
        "detector": system,
        "score": own,
        "false boxes a megapixel": "" if false is None else false.a_megapixel(own),
        "in unseen pictures": "" if false is None else false.a_megapixel(own, unseen=True),
        "recall": seen[own][0],
        "right of all": seen[own][1],
        "score as strict as yunet": "" if false is None else at,
        "recall there": "" if false is None else seen[at][0],
        "right of all there": "" if false is None else seen[at][1],
    }


def _seen(system: str, name: str, score: float) -> tuple[float, float]:
    """Of the labelled faces, those found with `--score` set to it, and those also told right."""
    pictures = labelled("ilc2021-val")
    found = found_in(_opened(system, name, _STATES_AT, score), pictures)
    judged = _judged(system, name, pictures, found)
    return recall(matches(pictures, found), score), _right(pictures, judged, score)


def _two_stages(system: str) -> bool:
    return not system.endswith("fast")


def _opened(system: str, name: str, long_side: int, score: float = LOWEST_SCORE) -> FaceDetector:
    return opened(name, long_side, score, second_stage=_two_stages(system))


def _own_score(system: str, name: str) -> float:
    """The score below which the detector, unless told otherwise, says nothing."""
    detector = open_detector(name, DetectorOptions(second_stage=_two_stages(system)))
    if isinstance(detector, OnePass):
        return detector.least_score
    return float(inspect.signature(type(detector)).parameters["score"].default)


def _right(pictures: tuple[Labelled, ...], found: list[Faces], score: float) -> float:
    """Of all labelled faces of 12 pixels and more, those found whose state is right."""
    right = total = 0
    for one, all_faces in zip(pictures, found, strict=True):
        faces = all_faces[all_faces.scores >= score]
        parts = match(faces.boxes, faces.scores, one.boxes, one.small)
        total += parts.faces
        found = parts.box >= 0
        told = faces.probabilities[parts.box[found]].argmax(axis=1)
        right += int((told == one.labels[found]).sum())
    return right / total


if __name__ == "__main__":
    typer.run(main)
