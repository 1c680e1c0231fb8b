"""Detectors as functions, the sets they are measured on, and places where nobody is."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray

from kit.report import ROOT
from maskwatch.boxes import short_side
from maskwatch.data.crops import is_held_out
from maskwatch.evaluation.detections import Matches, match
from maskwatch.images import decode
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.models.detectors.search import search
from maskwatch.training.sets import SOURCES
from maskwatch.types import CLASSES, Boxes, FaceDetector, Faces, Image

SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"
REGIONS = ROOT / "benchmarks" / "data" / "regions-nobody.csv"
SMALLEST_PX = 12
LOWEST_SCORE = 0.02
SIZES_PX = ((12, 16), (16, 24), (24, 48), (48, 96), (96, 10_000))
# fmt: off
_FACELESS = (
    "brick.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png", "grass.png",
    "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
    "page.png", "retina.jpg", "rocket.jpg", "text.png",
)
# fmt: on


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """One picture of a set: its file, boxes (n, 4), labels (n,), which are too `small` to count."""

    path: Path
    boxes: Boxes
    labels: NDArray[np.int64]
    small: NDArray[np.bool_]


@cache
def labelled(name: str) -> tuple[Labelled, ...]:
    """All pictures of a set, those without faces, too."""
    content = json.loads((DATA / name / "annotations.json").read_text("utf-8"))
    names = {c["id"]: c["name"] for c in content["categories"]}
    out = []
    for image in content["images"]:
        own = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        boxes = np.array([a["bbox"] for a in own], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = np.array([CLASSES.index(names[a["category_id"]]) for a in own], np.int64)
        path = DATA / name / "images" / image["file_name"]
        out.append(Labelled(path, boxes, labels, short_side(boxes) < SMALLEST_PX))
    return tuple(out)


def opened(
    name: str, long_side: int, score: float = LOWEST_SCORE, *, second_stage: bool = True
) -> FaceDetector:
    """A detector by its name or run folder."""
    options = DetectorOptions(long_side=long_side, score=score, second_stage=second_stage)
    return open_detector(name, options)


def found_in(
    detector: FaceDetector,
    pictures: tuple[Labelled, ...],
    change: Callable[[Image], Image] | None = None,
) -> list[Faces]:
    """The faces of each picture as `maskwatch detect` looks for them, perhaps changed before."""
    out = []
    for picture in pictures:
        image = decode(picture.path)
        out += search(detector, [image if change is None else change(image)], tight=True)
    return out


def matches(pictures: tuple[Labelled, ...], found: list[Faces]) -> list[Matches]:
    """Boxes against labels, whatever the states."""
    return [
        match(faces.boxes, faces.scores, one.boxes, one.small)
        for one, faces in zip(pictures, found, strict=True)
    ]


def state_matches(pictures: tuple[Labelled, ...], found: list[Faces], state: int) -> list[Matches]:
    """Boxes ranked by score times the state's probability, against the faces of that state."""
    out = []
    for one, faces in zip(pictures, found, strict=True):
        rows = one.labels == state
        weighted = faces.scores * faces.probabilities[:, state]
        out.append(match(faces.boxes, weighted, one.boxes[rows], one.small[rows]))
    return out


def sizes(pictures: tuple[Labelled, ...]) -> NDArray[np.float32]:
    """The short side of every labelled face in pixels, picture by picture."""
    return np.concatenate([short_side(one.boxes) for one in pictures])


@dataclass(frozen=True, slots=True, eq=False)
class FalseBoxes:
    """Boxes where nobody is: `scores` (n,), whether their picture is one to learn from and whether
    it is `unseen` (n,), and the megapixels of both kinds. A held-out picture is of both."""

    scores: NDArray[np.float32]
    training: NDArray[np.bool_]
    unseen: NDArray[np.bool_]
    training_megapixels: float
    unseen_megapixels: float

    def a_megapixel(self, score: float, *, unseen: bool = False) -> float:
        """How many boxes of at least this score there are a megapixel."""
        rows = self.unseen if unseen else self.training
        area = self.unseen_megapixels if unseen else self.training_megapixels
        return float((self.scores[rows] >= score).sum()) / area

    def score_at(self, a_megapixel: float) -> float:
        """The lowest score with at most so many boxes a megapixel of the training sets."""
        allowed = round(a_megapixel * self.training_megapixels)
        ranked = np.sort(self.scores[self.training])[::-1]
        return float(ranked[allowed]) + 1e-6 if allowed < len(ranked) else LOWEST_SCORE


def nobody() -> Iterator[tuple[Image, bool, bool]]:
    """Regions that were cleared by eye, and scikit-image's face-free photos.

    Beside each, whether it counts with the training sets, and whether no detector learnt from it.
    """
    with REGIONS.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    for row in rows:
        image = decode(DATA / row["source"] / "images" / row["image"])
        x1, y1, x2, y2 = (int(row[key]) for key in ("x1", "y1", "x2", "y2"))
        training = row["source"] in SOURCES
        yield image[y1:y2, x1:x2], training, not training or is_held_out(row["image"])
    folder = Path(skimage.data.__file__).parent
    for name in _FACELESS:
        yield decode(folder / name), True, True


def false_boxes(detector_name: str, *, second_stage: bool = True) -> FalseBoxes:
    """What a detector finds where nobody is.

    Each region lies, as large as it is, on a grey square of 640 pixels: as it does in its picture.
    """
    detector = opened(detector_name, 640, second_stage=second_stage)
    scores, trainings, unseens, areas = [], [], [], np.zeros(2)
    for image, training, unseen in nobody():
        canvas = np.full((640, 640, 3), 127, np.uint8)
        height, width = (min(side, 640) for side in image.shape[:2])
        areas += np.array([training, unseen]) * height * width / 1e6
        canvas[:height, :width] = image[:height, :width]
        found = detector.detect([canvas])[0].scores
        scores.append(found)
        trainings.append(np.full(len(found), training))
        unseens.append(np.full(len(found), unseen))
    columns = (np.concatenate(column) for column in (scores, trainings, unseens))
    return FalseBoxes(*columns, *areas.tolist())
