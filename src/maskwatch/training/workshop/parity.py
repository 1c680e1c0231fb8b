"""An export beside the network that it was made of, on real faces."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MaskwatchError, SinkError, SourceError
from maskwatch.images import decode, planes
from maskwatch.models.bundle import Bundle
from maskwatch.models.classifier import MaskClassifier, softmax
from maskwatch.training.workshop.choices import ExportForm
from maskwatch.training.workshop.samples import Samples
from maskwatch.types import Floats, Image

_CALIBRATION = 100


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an export may be from its network: in probability, in equal labels, in accuracy."""

    difference: float
    equal: float
    worse: float


_EXACT, ROUNDED = Tolerance(0.01, 0.999, 0.001), Tolerance(1.0, 0.97, 0.01)
TOLERANCES = {
    ExportForm.ONNX: _EXACT,
    ExportForm.ONNX_INT8: ROUNDED,
    ExportForm.LITERT: _EXACT,
    ExportForm.LITERT_INT8: ROUNDED,
}


@dataclass(frozen=True, slots=True)
class Parity:
    """An export beside its network: largest difference of a probability, share of equal labels,
    accuracy, size, and milliseconds for one face on two threads."""

    form: str
    faces: int
    difference: float
    equal: float
    accuracy: float
    megabytes: float
    one_ms: float
    refused: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Inputs of the network: those that an export is compared on with labels, and calibration."""

    checked: Floats
    labels: NDArray[np.int64]
    calibration: Floats


def faces_of(bundle: Bundle, checked: Samples, calibration: Samples, most: int) -> Faces:
    """Faces as the bundle's network sees them, evenly taken; unreadable pictures are left out.

    Raises:
        SourceError: none can be read.
    """
    classifier = MaskClassifier(bundle, device="cpu", threads=2)
    pictures, labels = _cut(classifier, checked, most)
    to_calibrate, _ = _cut(classifier, calibration, _CALIBRATION)
    if not pictures or not to_calibrate:
        raise SourceError("no face can be read to compare on")
    spec = bundle.input

    def inputs(images: Sequence[Image]) -> Floats:
        size = spec.width, spec.height
        return planes(images, size, colour=spec.colour, mean=spec.mean, std=spec.std)

    return Faces(inputs(pictures), labels, inputs(to_calibrate))


def _cut(
    classifier: MaskClassifier, samples: Samples, most: int
) -> tuple[list[Image], NDArray[np.int64]]:
    rows = np.unique(np.linspace(0, len(samples) - 1, min(most, len(samples))).astype(int))
    pictures, labels = [], []
    for row in rows:
        try:
            image = decode(samples.paths[row])
        except MaskwatchError as error:
            samples.unreadable[samples.paths[row]] = str(error)
            continue
        whole = np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32)
        box = samples.boxes[row]
        pictures.append(classifier.crops(image, whole if box is None else box)[0])
        labels.append(samples.labels[row])
    return pictures, np.array(labels, np.int64)


def compared(
    form: str,
    answers: Floats,
    wanted: Floats,
    faces: Faces,
    temperature: float,
    file: Path,
    one_ms: float = 0.0,
) -> Parity:
    """The figures of an export.

    Args:
        form: its name.
        answers: what it says of the checked faces, logits of shape (n, classes).
        wanted: what its network says of them.
        faces: with their labels.
        temperature: of the bundle.
        file: whose size is told.
        one_ms: milliseconds for one face; 0 where they were not measured.
    """
    told, reference = (softmax(a / temperature) for a in (answers, wanted))
    return Parity(
        form=form,
        faces=len(wanted),
        difference=float(np.abs(told - reference).max()),
        equal=float((told.argmax(axis=1) == reference.argmax(axis=1)).mean()),
        accuracy=float((told.argmax(axis=1) == faces.labels).mean()),
        megabytes=file.stat().st_size / 1e6,
        one_ms=one_ms,
    )


def refusal(done: Parity, own: Parity, allowed: Tolerance) -> str:
    """Why an export is not kept; empty where it is."""
    if not done.difference <= allowed.difference:
        return f"a probability differs by {done.difference:.3f}, more than {allowed.difference}"
    if done.equal < allowed.equal:
        return f"{done.equal:.1%} of labels are equal, fewer than {allowed.equal:.1%}"
    if done.accuracy < own.accuracy - allowed.worse:
        return f"accuracy falls from {own.accuracy:.1%} to {done.accuracy:.1%}"
    return ""


def write_parity(rows: Sequence[Parity], file: Path) -> None:
    """Keep the table as CSV.

    Raises:
        SinkError: it cannot be written.
    """
    try:
        with file.open("w", newline="", encoding="utf-8") as text:
            writer = csv.DictWriter(text, asdict(rows[0]))
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)
    except OSError as error:
        raise SinkError(f"cannot write {file}: {error.strerror}") from error
