"""A trained network in other forms, each compared with PyTorch on real faces before it is kept."""

import csv
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from maskwatch.errors import MaskwatchError, ModelInvalid, ModelNotFound, SinkError, SourceError
from maskwatch.images import decode, planes
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle
from maskwatch.models.classifier import MaskClassifier, softmax
from maskwatch.models.runtime import Network
from maskwatch.training.export import NETWORK, quantise
from maskwatch.training.workshop import litert
from maskwatch.training.workshop.choices import ExportForm
from maskwatch.training.workshop.samples import Samples
from maskwatch.types import Floats, Image

LITERT_VARIABLE = "MASKWATCH_LITERT"
DESCRIPTION = "description.json"
_CALIBRATION, _ROUNDS = 100, 30


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an export may be from PyTorch: in probability, in equal labels, in accuracy."""

    difference: float
    equal: float
    worse: float


_EXACT, _ROUNDED = Tolerance(0.01, 0.999, 0.001), Tolerance(1.0, 0.97, 0.01)
TOLERANCES = {
    ExportForm.ONNX: _EXACT,
    ExportForm.ONNX_INT8: _ROUNDED,
    ExportForm.LITERT: _EXACT,
    ExportForm.LITERT_INT8: _ROUNDED,
}


@dataclass(frozen=True, slots=True)
class Parity:
    """An export beside PyTorch: largest difference of a probability, share of equal labels,
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


def check_export(
    bundle: Bundle, forms: Sequence[ExportForm], litert_folder: Path | None
) -> Path | None:
    """Make sure that everything is there; LiteRT's Python, if a form needs it.

    Raises:
        ModelNotFound: the bundle has no network for PyTorch, or LiteRT's environment is not there.
    """
    if not (bundle.folder / NETWORK).exists():
        raise ModelNotFound(
            f"{bundle.folder} has no {NETWORK}: what can be exported are runs of maskwatch "
            "train, and imported bundles"
        )
    return _litert_python(litert_folder) if any("litert" in form for form in forms) else None


def export_all(
    bundle: Bundle, forms: Sequence[ExportForm], out: Path, faces: Faces, litert_folder: Path | None
) -> Iterator[Parity]:
    """Write each form into `out/FORM`, compare it, and take it away where it differs too much.

    Args:
        bundle: of a run, with the network as PyTorch knows it beside it.
        forms: what to write.
        out: the folder.
        faces: what is compared on.
        litert_folder: the environment in which LiteRT is made; None asks MASKWATCH_LITERT.

    Yields:
        PyTorch's own figures first, then those of each form.

    Raises:
        ModelNotFound: the bundle has no network for PyTorch, or LiteRT's environment is not there.
        SinkError: a file cannot be written.
    """
    python = check_export(bundle, forms, litert_folder)
    program = bundle.folder / NETWORK
    module = torch.export.load(program).module()
    with torch.inference_mode():
        wanted = np.concatenate(
            [
                module(torch.from_numpy(np.ascontiguousarray(some))).numpy()
                for some in np.array_split(faces.checked, max(1, len(faces.checked) // 32))
            ]
        )
    own = _compared("pytorch", wanted, wanted, faces, bundle, program, 0.0)
    yield own
    for form in forms:
        folder = out / form
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if python is not None and "litert" in form:
                file, answers, one_ms = _litert(python, program, faces, folder, form)
                # Other programs read from it how a face becomes the input.
                shutil.copyfile(bundle.folder / bundles.FILE, folder / DESCRIPTION)
            else:
                file, answers, one_ms = _onnx(bundle, faces, folder, form)
        except ModelInvalid as error:
            shutil.rmtree(folder)
            yield Parity(form, len(wanted), 1.0, 0.0, 0.0, 0.0, 0.0, str(error))
            continue
        except OSError as error:
            raise SinkError(f"cannot write {folder}: {error.strerror}") from error
        done = _compared(form, answers, wanted, faces, bundle, file, one_ms)
        refused = _refusal(done, own, TOLERANCES[form])
        if refused:
            shutil.rmtree(folder)
        yield replace(done, refused=refused)


def _onnx(
    bundle: Bundle, faces: Faces, folder: Path, form: ExportForm
) -> tuple[Path, Floats, float]:
    """A bundle of its own: the same description, another file."""
    file = folder / "model.onnx"
    shutil.copyfile(bundle.model_path, file)
    if form is ExportForm.ONNX_INT8:
        parts = np.array_split(faces.calibration, max(1, len(faces.calibration) // 20))
        quantise(file, parts)
    bundles.write(
        replace(bundle, folder=folder, model=file.name, sha256={}, name=f"{bundle.name} {form}")
    )
    network = Network(file, device="cpu", threads=2)
    answers, times = [], []
    for face in faces.checked:
        start = perf_counter()
        (answer,) = network(face[None]).values()
        times.append(perf_counter() - start)
        answers.append(answer[0])
    return file, np.stack(answers), 1000 * median(times[-_ROUNDS:])


def _litert(
    python: Path, program: Path, faces: Faces, folder: Path, form: ExportForm
) -> tuple[Path, Floats, float]:
    with TemporaryDirectory() as name:
        given = Path(name) / "faces.npz"
        np.savez(given, faces=faces.checked, calibration=faces.calibration)
        words = [str(python), litert.__file__, str(program), str(given), name]
        words += ["--int8"] if form is ExportForm.LITERT_INT8 else []
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ModelInvalid(f"LiteRT cannot be made of this network: {last}")
        told = np.load(Path(name) / "answers.npz")
        file = folder / "model.tflite"
        shutil.copyfile(Path(name) / "model.tflite", file)
        return file, told["answers"], float(told["one_ms"])


def _litert_python(folder: Path | None) -> Path:
    """The Python of LiteRT's environment."""
    known = folder or (Path(os.environ[LITERT_VARIABLE]) if LITERT_VARIABLE in os.environ else None)
    python = known / "bin" / "python" if known else None
    if python is None or not python.exists():
        where = f"{known} is none" if known else "none is named"
        raise ModelNotFound(
            f"LiteRT is made in an environment of its own, and {where}: python -m venv FOLDER, "
            "FOLDER/bin/pip install litert-torch, then --litert FOLDER"
        )
    return python


def _compared(
    form: str,
    answers: Floats,
    wanted: Floats,
    faces: Faces,
    bundle: Bundle,
    file: Path,
    one_ms: float,
) -> Parity:
    told, reference = (softmax(a / bundle.temperature) for a in (answers, wanted))
    return Parity(
        form=form,
        faces=len(wanted),
        difference=float(np.abs(told - reference).max()),
        equal=float((told.argmax(axis=1) == reference.argmax(axis=1)).mean()),
        accuracy=float((told.argmax(axis=1) == faces.labels).mean()),
        megabytes=file.stat().st_size / 1e6,
        one_ms=one_ms,
    )


def _refusal(done: Parity, own: Parity, allowed: Tolerance) -> str:
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
