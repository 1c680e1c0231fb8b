"""Evaluating classifiers on a set: opened, asked, measured."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwatch.app.detector import detector_options
from maskwatch.app.settings import Settings
from maskwatch.data.choices import Judged, Missed, Which, Without
from maskwatch.data.duplicates import twins_between
from maskwatch.data.facts import facts_of
from maskwatch.data.finding import Finding
from maskwatch.data.formats.files import pictures_below
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.errors import SourceError
from maskwatch.evaluation.compare import latencies, table_of
from maskwatch.evaluation.faces import Judge, judged
from maskwatch.evaluation.report import Evaluation
from maskwatch.evaluation.summary import summary_of
from maskwatch.models.classifier import MaskClassifier, open_classifier
from maskwatch.models.detectors import default_name, open_detector

Bar = Callable[[Sequence[LabelledPicture]], Iterable[LabelledPicture]]
_Named = tuple[str, MaskClassifier]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How classifiers are asked: about which faces of pictures without boxes, and how those without
    a face are judged; `beta` weighs recall in the F-beta."""

    which: Judged = Judged.LARGEST
    missed: Missed = Missed.WHOLE
    beta: float = 2.0


def evaluate_all(
    models: Sequence[str],
    labelled: LabelledSet,
    settings: Settings,
    how: Asking = Asking(),
    *,
    bar: Bar = iter,
) -> list[Evaluation]:
    """Ask every classifier about the same faces, and measure the answers.

    Args:
        models: names or folders.
        labelled: the set.
        settings: detector (for pictures without boxes), threads, device, smallest face.
        how: what is asked about.
        bar: wraps the pictures as they are read.

    Raises:
        UsageError: no such classifier.
        ModelInvalid: a bundle is damaged.
        SourceError: no face could be read.
        MissingExtra: scikit-learn is not installed.
    """
    return _evaluated(_open(models, settings), labelled, settings, how, bar)


def compare_all(
    models: Sequence[str],
    labelled: LabelledSet,
    settings: Settings,
    how: Asking = Asking(),
    *,
    bar: Bar = iter,
) -> tuple[list[Evaluation], list[dict[str, Any]]]:
    """The same, with a table of the classifiers, a row each: figures, size, latency.

    Raises:
        UsageError: no such classifier.
        ModelInvalid: a bundle is damaged.
        SourceError: no face could be read.
        MissingExtra: scikit-learn is not installed.
    """
    opened = _open(models, settings)
    done = _evaluated(opened, labelled, settings, how, bar)
    return done, table_of(done, latencies([classifier for _, classifier in opened]))


def _open(models: Sequence[str], settings: Settings) -> list[_Named]:
    on_runtime: Any = {"device": settings.device, "threads": settings.threads}
    return [(name, open_classifier(name, **on_runtime)) for name in models]


def _evaluated(
    opened: Sequence[_Named], labelled: LabelledSet, settings: Settings, how: Asking, bar: Bar
) -> list[Evaluation]:
    options = detector_options(settings)
    detector = settings.detector or default_name(options)
    finding = Finding(
        look=how.which is not Judged.PICTURE,
        which=Which.ALL if how.which is Judged.ALL else Which.LARGEST,
        without=Without.WHOLE if how.missed is Missed.WHOLE else Without.SKIP,
        min_face=settings.min_face,
        tiles=settings.tiles,
    )
    judges = [_judge(classifier) for _, classifier in opened]
    pictures = bar(labelled.pictures)
    faces, tables = judged(pictures, judges, open_detector(detector, options), finding)
    found = {"detector": detector, "faces": how.which.value, "without_face": how.missed.value}
    # Labelled boxes need no detector.
    told = {} if all(p.boxes is not None for p in labelled.pictures) else {"found_by": found}
    return [
        Evaluation(
            told_of_model(name, classifier),
            classifier.bundle.folder,
            classifier.bundle.figures,
            str(labelled.root),
            faces,
            table,
            summary_of(faces, table, beta=how.beta) | told,
        )
        for (name, classifier), table in zip(opened, tables, strict=True)
    ]


def _judge(classifier: MaskClassifier) -> Judge:
    return lambda image, boxes: classifier.probabilities([image], [boxes])[0]


def told_of_model(name: str, classifier: MaskClassifier) -> dict[str, Any]:
    """What a report says of a classifier."""
    bundle = classifier.bundle
    return {
        "name": name,
        "bundle": bundle.name,
        "version": bundle.version,
        "input": [bundle.input.width, bundle.input.height],
        "file_bytes": bundle.model_path.stat().st_size,
        "sha256": bundle.sha256,
    }


def leaks_between(trained_on: Path, labelled: LabelledSet) -> dict[str, int]:
    """How many pictures of a set have a twin among those of a folder: `pictures`, `exact`, `near`.

    Raises:
        SourceError: no picture in the folder.
        MissingExtra: imagehash is not installed.
    """
    paths = list(pictures_below(trained_on)) if trained_on.is_dir() else []
    if not paths:
        raise SourceError(f"{trained_on} is no folder with pictures")
    trained, tested = list(facts_of(paths)), list(facts_of(p.path for p in labelled.pictures))
    exact = twins_between(trained, tested).exact
    return {"pictures": len(tested), "exact": int(exact.sum()), "near": int((~exact).sum())}
