"""Labels of all training pictures: given boxes, or else what teachers agree on."""

import hashlib
import json
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from maskwatch.boxes import clip, iou, short_side
from maskwatch.data.crops import is_held_out
from maskwatch.data.labelled import LabelledPicture
from maskwatch.errors import SourceError
from maskwatch.images import decode
from maskwatch.models.classifier import MaskClassifier, open_classifier
from maskwatch.training.detector.teachers import PORTRAIT_LOOKS, SCENE_LOOKS, Teachers, Votes
from maskwatch.training.sets import SOURCES, WHOLE_PICTURES, labels_key, read_sets
from maskwatch.types import CLASSES, Boxes, Floats, MaskState

_logger = logging.getLogger(__name__)

LABELLED = 1.0
_AGREED, _DOUBTFUL, _RECORDED = 0.5, 0.2, 0.05
_SURE = 0.6
_SAME_FACE_IOU = 0.25
_LAYOUT = 2
_LABEL_SHARE = 0.6
_SMALLEST_SIDE = 4.0
_PORTRAIT_BORDER = 0.25


@dataclass(frozen=True, slots=True)
class SceneLabels:
    """What is known of one picture, as a line of JSON.

    `boxes` are x1, y1, x2, y2 in pixels; `sureness` is 1 for labelled faces and below it the mean
    vote of the teachers; `states` are probabilities of mask, no_mask, incorrect; `landmarks` five
    points or null; `seen` the teachers' box of a labelled face or null. `every_face` says that the
    labels name the picture's faces, if not quite all.
    """

    path: str
    source: int
    held_out: bool
    every_face: bool
    boxes: list[list[float]]
    sureness: list[float]
    states: list[list[float]]
    landmarks: list[list[list[float]] | None]
    seen: list[list[float] | None]

    def faces(self) -> list[int]:
        """The rows to learn from: labelled faces, and those that teachers are sure of."""
        least = _SURE if self.every_face else _AGREED
        return [row for row, sure in enumerate(self.sureness) if sure >= least]

    def ignored(self) -> list[int]:
        """The rows where nothing is learnt: doubtful faces."""
        faces = set(self.faces())
        return [
            row for row, sure in enumerate(self.sureness) if sure >= _DOUBTFUL and row not in faces
        ]


def derive_labels(
    data: Path, corrections: Path | None, classifier: str, out: Path, *, threads: int = 2
) -> list[SceneLabels]:
    """The labels of all pictures, kept in a file line by line: an interrupted run goes on there.

    Args:
        data: folder of the sets.
        corrections: folder of the corrections of their labels, or None.
        classifier: whose answers soften the states, and stand in where no state is labelled.
        out: folder of the file, whose name tells the corrections and the classifier apart.
        threads: pictures worked on at once.
    """
    file = out / f"labels-{_key(corrections, classifier)}.jsonl"
    done = {labels.path: labels for labels in read_labels(file)} if file.exists() else {}
    judge = open_classifier(classifier, threads=1)
    scenes = Teachers(SCENE_LOOKS)
    portraits = Teachers(PORTRAIT_LOOKS, border=_PORTRAIT_BORDER)
    out.mkdir(parents=True, exist_ok=True)
    listed: list[SceneLabels] = []
    with (
        file.open("a", encoding="utf-8", buffering=1) as lines,
        ThreadPoolExecutor(threads) as pool,
    ):
        for source, pictures in enumerate(read_sets(data, corrections)):
            whole = SOURCES[source] in WHOLE_PICTURES
            teachers = portraits if whole else scenes
            wanted = list(pictures)
            left = [p for p in wanted if str(p.path.relative_to(data)) not in done]
            work = partial(_labels_of, data=data, source=source, teachers=teachers, judge=judge)
            for number, labels in enumerate(pool.map(work, left)):
                lines.write(json.dumps(asdict(labels)) + "\n")
                done[labels.path] = labels
                if number % 200 == 0:
                    _logger.info("labelled %d of %d of %s", number, len(left), SOURCES[source])
            listed += [done[str(p.path.relative_to(data))] for p in wanted]
    return listed


def read_labels(file: Path) -> list[SceneLabels]:
    """The labels in a file; a last line that was not finished is cut off.

    Raises:
        SourceError: it holds something else.
    """
    text = file.read_text(encoding="utf-8")
    whole, _, rest = text.rpartition("\n")
    if rest:
        file.write_text(f"{whole}\n" if whole else "", encoding="utf-8")
    try:
        return [SceneLabels(**json.loads(line)) for line in whole.splitlines()]
    except (ValueError, TypeError) as error:
        raise SourceError(f"{file} does not hold labels: {error}; delete it") from error


def labels_digest(labels: Iterable[SceneLabels]) -> str:
    """Short, and another for other labels."""
    told = hashlib.sha256()
    for one in labels:
        told.update(json.dumps(asdict(one)).encode())
    return told.hexdigest()[:12]


def _key(corrections: Path | None, classifier: str) -> str:
    """Short, and another for other corrections or another classifier."""
    told = open_classifier(classifier, device="cpu").bundle.sha256
    words = f"{_LAYOUT} {labels_key(corrections)} {sorted(told.items())}"
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _labels_of(
    picture: LabelledPicture, data: Path, source: int, teachers: Teachers, judge: MaskClassifier
) -> SceneLabels:
    image = decode(picture.path)
    seen = teachers(image)
    face_by_face = picture.boxes is not None
    known = of_scene(seen, picture) if face_by_face else _of_portrait(seen, picture.states[0])
    boxes = clip(known.boxes, image.shape[1], image.shape[0])
    kept = (short_side(boxes) >= _SMALLEST_SIDE) & (known.sureness >= _RECORDED)
    boxes = boxes[kept]
    given = [state for state, keep in zip(known.states, kept, strict=True) if keep]
    (soft,) = judge.probabilities([image], [boxes])
    return SceneLabels(
        path=str(picture.path.relative_to(data)),
        source=source,
        held_out=is_held_out(picture.path.name),
        every_face=face_by_face,
        boxes=np.round(boxes.astype(float), 1).tolist(),
        sureness=np.round(known.sureness[kept].astype(float), 3).tolist(),
        states=[_mixed(state, row) for state, row in zip(given, soft, strict=True)],
        landmarks=[_rounded(points) for points in known.landmarks[kept]],
        seen=[_rounded(box) for box in known.seen[kept]],
    )


def _rounded(values: Floats) -> list[Any] | None:
    """As JSON; None where they are not known."""
    return None if np.isnan(values).any() else np.round(values.astype(float), 1).tolist()


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of a picture's n faces: `boxes` (n, 4), `sureness` (n,), `states`, None where
    nobody labelled it, `landmarks` (n, 5, 2) and the teachers' boxes `seen` (n, 4), both NaN where
    there is none."""

    boxes: Boxes
    sureness: Floats
    states: list[MaskState | None]
    landmarks: Floats
    seen: Boxes


def of_scene(seen: Votes, picture: LabelledPicture) -> Known:
    """The labelled boxes, and what teachers see beside them.

    Of what they see within a labelled box nobody can say whether it is the same face.
    """
    labelled = np.zeros((0, 4), np.float32) if picture.boxes is None else picture.boxes
    points = np.full((len(labelled), 5, 2), np.nan, np.float32)
    boxes = np.full((len(labelled), 4), np.nan, np.float32)
    votes = np.minimum(seen.votes.mean(axis=1), 0.99)
    beside = np.ones(len(seen.boxes), bool)
    for row, other in _pairs(iou(labelled, seen.boxes)):
        points[row] = seen.landmarks[other]
        beside[other] = False
        if votes[other] >= _AGREED:
            boxes[row] = seen.boxes[other]
    middles = (seen.boxes[:, None, :2] + seen.boxes[:, None, 2:]) / 2
    inside = (middles > labelled[:, :2]) & (middles < labelled[:, 2:])
    within = np.any(np.all(inside, axis=2), axis=1)
    votes[within] = np.minimum(votes[within], _AGREED)
    return Known(
        np.concatenate([labelled, seen.boxes[beside]]),
        np.concatenate([np.full(len(labelled), LABELLED, np.float32), votes[beside]]),
        [*picture.states, *[None] * int(beside.sum())],
        np.concatenate([points, seen.landmarks[beside]]),
        np.concatenate([boxes, np.full((int(beside.sum()), 4), np.nan, np.float32)]),
    )


def _pairs(overlaps: Floats) -> list[tuple[int, int]]:
    """Rows and columns that are each other's best, and overlap enough to be one face."""
    if not overlaps.size:
        return []
    best = overlaps.argmax(axis=1)
    back = overlaps.argmax(axis=0)
    return [
        (row, int(column))
        for row, column in enumerate(best)
        if back[column] == row and overlaps[row, column] >= _SAME_FACE_IOU
    ]


def _of_portrait(seen: Votes, state: MaskState) -> Known:
    """What teachers see; the largest face that they agree on has the picture's state."""
    votes = seen.votes.mean(axis=1)
    sides = np.where(votes >= _AGREED, short_side(seen.boxes), 0)
    states: list[MaskState | None] = [None] * len(votes)
    if sides.any():
        states[int(sides.argmax())] = state
    none = np.full((len(votes), 4), np.nan, np.float32)
    return Known(seen.boxes, votes, states, seen.landmarks, none)


def _mixed(state: MaskState | None, soft: Iterable[float]) -> list[float]:
    """A label and a classifier's answer; where nobody can tell, the answer alone."""
    share = 0.0 if state in (None, MaskState.UNKNOWN) else _LABEL_SHARE
    return [
        round(share * float(label is state) + (1 - share) * float(p), 4)
        for label, p in zip(CLASSES, soft, strict=True)
    ]
