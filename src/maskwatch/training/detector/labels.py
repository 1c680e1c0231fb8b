"""Labels of all training pictures: given boxes, or else what teachers agree on."""

import hashlib
import json
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

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
_SAME_FACE_IOU = 0.4
_LABEL_SHARE = 0.6
_SMALLEST_SIDE = 4.0
_PORTRAIT_BORDER = 0.25


@dataclass(frozen=True, slots=True)
class SceneLabels:
    """What is known of one picture, as a line of JSON.

    `boxes` are x1, y1, x2, y2 in pixels; `sureness` is 1 for labelled faces and below it the mean
    vote of the teachers; `states` are probabilities of mask, no_mask, incorrect; `landmarks` five
    points or null. `every_face` says that the labels name the picture's faces, if not quite all.
    """

    path: str
    source: int
    held_out: bool
    every_face: bool
    boxes: list[list[float]]
    sureness: list[float]
    states: list[list[float]]
    landmarks: list[list[list[float]] | None]

    def faces(self) -> list[int]:
        """The rows to learn from."""
        least = LABELLED if self.every_face else _AGREED
        return [row for row, sure in enumerate(self.sureness) if sure >= least]

    def ignored(self) -> list[int]:
        """The rows where nothing is learnt: doubtful faces, and those that labels left out."""
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


def _key(corrections: Path | None, classifier: str) -> str:
    """Short, and another for other corrections or another classifier."""
    told = open_classifier(classifier, device="cpu").bundle.sha256
    words = f"{labels_key(corrections)} {sorted(told.items())}"
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _labels_of(
    picture: LabelledPicture, data: Path, source: int, teachers: Teachers, judge: MaskClassifier
) -> SceneLabels:
    image = decode(picture.path)
    seen = teachers(image)
    of_scene = picture.boxes is not None
    known = _of_scene(seen, picture) if of_scene else _of_portrait(seen, picture.states[0])
    boxes = clip(known.boxes, image.shape[1], image.shape[0])
    kept = (short_side(boxes) >= _SMALLEST_SIDE) & (known.sureness >= _RECORDED)
    boxes = boxes[kept]
    given = [state for state, keep in zip(known.states, kept, strict=True) if keep]
    (soft,) = judge.probabilities([image], [boxes])
    return SceneLabels(
        path=str(picture.path.relative_to(data)),
        source=source,
        held_out=is_held_out(picture.path.name),
        every_face=of_scene,
        boxes=np.round(boxes.astype(float), 1).tolist(),
        sureness=np.round(known.sureness[kept].astype(float), 3).tolist(),
        states=[_mixed(state, row) for state, row in zip(given, soft, strict=True)],
        landmarks=[
            None if np.isnan(points).any() else np.round(points.astype(float), 1).tolist()
            for points in known.landmarks[kept]
        ],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    boxes: Boxes
    sureness: Floats
    states: list[MaskState | None]
    landmarks: Floats


def _of_scene(seen: Votes, picture: LabelledPicture) -> _Known:
    """The labelled boxes, and what teachers see beside them."""
    labelled = np.zeros((0, 4), np.float32) if picture.boxes is None else picture.boxes
    overlaps = iou(labelled, seen.boxes)
    points = np.full((len(labelled), 5, 2), np.nan, np.float32)
    beside = np.ones(len(seen.boxes), bool)
    if overlaps.size:
        near = overlaps.max(axis=1) >= _SAME_FACE_IOU
        points[near] = seen.landmarks[overlaps.argmax(axis=1)[near]]
        beside = overlaps.max(axis=0) < _SAME_FACE_IOU
    votes = np.minimum(seen.votes.mean(axis=1), 0.99)
    return _Known(
        np.concatenate([labelled, seen.boxes[beside]]),
        np.concatenate([np.full(len(labelled), LABELLED, np.float32), votes[beside]]),
        [*picture.states, *[None] * int(beside.sum())],
        np.concatenate([points, seen.landmarks[beside]]),
    )


def _of_portrait(seen: Votes, state: MaskState) -> _Known:
    """What teachers see; the largest face that they agree on has the picture's state."""
    votes = seen.votes.mean(axis=1)
    sides = np.where(votes >= _AGREED, short_side(seen.boxes), 0)
    states: list[MaskState | None] = [None] * len(votes)
    if sides.any():
        states[int(sides.argmax())] = state
    return _Known(seen.boxes, votes, states, seen.landmarks)


def _mixed(state: MaskState | None, soft: Iterable[float]) -> list[float]:
    """A label and a classifier's answer; where nobody can tell, the answer alone."""
    share = 0.0 if state in (None, MaskState.UNKNOWN) else _LABEL_SHARE
    return [
        round(share * float(label is state) + (1 - share) * float(p), 4)
        for label, p in zip(CLASSES, soft, strict=True)
    ]
