"""Evaluating classifiers on a set: opened, asked, measured."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maskwatch.app.detector import detector_options
from maskwatch.app.settings import Settings
from maskwatch.data.check import leaks_of
from maskwatch.data.duplicates import twins_between
from maskwatch.data.facts import facts_of
from maskwatch.data.formats.files import pictures_below
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.errors import SourceError
from maskwatch.evaluation.faces import Judge, judged
from maskwatch.evaluation.report import Evaluation
from maskwatch.evaluation.summary import summary_of
from maskwatch.models.classifier import MaskClassifier, open_classifier
from maskwatch.models.detectors import open_detector

Bar = Callable[[Sequence[LabelledPicture]], Iterable[LabelledPicture]]


def evaluate_all(
    models: Sequence[str],
    labelled: LabelledSet,
    settings: Settings,
    *,
    beta: float = 2.0,
    bar: Bar = iter,
) -> list[Evaluation]:
    """Ask every classifier about the same faces, and measure the answers.

    Args:
        models: names or folders.
        labelled: the set.
        settings: detector (for pictures without boxes), threads, device, smallest face.
        beta: of F-beta.
        bar: wraps the pictures as they are read.

    Raises:
        UsageError: no such classifier.
        ModelInvalid: a bundle is damaged.
        SourceError: no face could be read.
        MissingExtra: scikit-learn is not installed.
    """
    classifiers = [
        open_classifier(name, device=settings.device, threads=settings.threads) for name in models
    ]
    detector = open_detector(settings.detector, detector_options(settings))
    faces, tables = judged(
        bar(labelled.pictures),
        [_judge(classifier) for classifier in classifiers],
        detector,
        min_face=settings.min_face,
    )
    return [
        Evaluation(
            told_of(name, classifier),
            classifier.bundle.folder,
            classifier.bundle.figures,
            str(labelled.root),
            faces,
            table,
            summary_of(faces, table, beta=beta),
        )
        for name, classifier, table in zip(models, classifiers, tables, strict=True)
    ]


def _judge(classifier: MaskClassifier) -> Judge:
    return lambda image, boxes: classifier.probabilities([image], [boxes])[0]


def told_of(name: str, classifier: MaskClassifier) -> dict[str, Any]:
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
    pairs = twins_between(trained, tested)
    moved = [replace(pair, second=pair.second + len(trained)) for pair in pairs]
    splits = ["train"] * len(trained) + ["test"] * len(tested)
    return leaks_of(splits, moved)["test"]
