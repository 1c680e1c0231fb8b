"""A trained network in other forms, each compared with PyTorch on real faces before it is kept."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch

from maskwatch.errors import ModelInvalid, ModelNotFound, SinkError
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle
from maskwatch.models.runtime import Network
from maskwatch.training.export import NETWORK, export_onnx, quantise
from maskwatch.training.workshop import litert
from maskwatch.training.workshop.choices import ExportForm
from maskwatch.training.workshop.floats import is_quantised, write_floats
from maskwatch.training.workshop.from_onnx import read_onnx
from maskwatch.training.workshop.parity import (
    ROUNDED,
    TOLERANCES,
    Faces,
    Parity,
    compared,
    refusal,
)
from maskwatch.types import Floats

LITERT_VARIABLE = "MASKWATCH_LITERT"
DESCRIPTION = "description.json"
_ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Forms:
    """The network of a bundle as PyTorch runs it, as ONNX in floats, and, where the bundle has
    integers already, as those."""

    program: Path
    floats: Path
    integers: Path | None = None


def check_export(
    bundle: Bundle, forms: Sequence[ExportForm], litert_folder: Path | None
) -> Path | None:
    """Make sure that everything is there; LiteRT's Python, if a form needs it.

    Raises:
        ModelNotFound: the bundle has no network to begin with, or LiteRT's environment is not
            there.
    """
    if not (bundle.folder / NETWORK).exists() and not is_quantised(bundle.model_path):
        raise ModelNotFound(
            f"{bundle.folder} has no {NETWORK}: what can be exported are runs of maskwatch "
            "train, imported bundles and the shipped classifiers"
        )
    return _litert_python(litert_folder) if any("litert" in form for form in forms) else None


def export_all(
    bundle: Bundle, forms: Sequence[ExportForm], out: Path, faces: Faces, litert_folder: Path | None
) -> Iterator[Parity]:
    """Write each form into `out/FORM`, compare it, and take it away where it differs too much.

    Args:
        bundle: of a run, with the network as PyTorch knows it beside it, or one of integers, as
            the shipped ones are: then the network of floats behind it is what is compared with.
        forms: what to write.
        out: the folder.
        faces: what is compared on.
        litert_folder: the environment in which LiteRT is made; None asks MASKWATCH_LITERT.

    Yields:
        PyTorch's own figures first, then those of each form.

    Raises:
        ModelNotFound: the bundle has no network to begin with, or LiteRT's environment is not
            there.
        ModelInvalid: the floats behind a bundle of integers answer otherwise than it does.
        SinkError: a file cannot be written.
    """
    python = check_export(bundle, forms, litert_folder)
    with TemporaryDirectory() as name:
        known = _known_forms(bundle, Path(name))
        wanted = _answers_of_pytorch(known.program, faces.checked)
        own = compared("pytorch", wanted, wanted, faces, bundle.temperature, known.program)
        if known.integers is not None:
            _check_floats(bundle, own, wanted, faces)
        yield own
        for form in forms:
            rounded = form is ExportForm.ONNX_INT8 and known.integers is None
            for careful in (False, True) if rounded else (False,):
                made = _export(
                    form, careful, bundle, known, out / form, faces, (wanted, own), python
                )
                if not made.refused:
                    break
            yield made


def _known_forms(bundle: Bundle, folder: Path) -> Forms:
    """What is there already; of integers the floats behind them are written into `folder`."""
    if not is_quantised(bundle.model_path):
        return Forms(bundle.folder / NETWORK, bundle.model_path)
    made = Forms(folder / NETWORK, folder / "floats.onnx", bundle.model_path)
    write_floats(bundle.model_path, made.floats)
    network = read_onnx(made.floats)
    export_onnx(network, folder / "again.onnx", bundle.input.width, keep=made.program)
    return made


def _answers_of_pytorch(program: Path, inputs: Floats) -> Floats:
    module = torch.export.load(program).module()
    with torch.inference_mode():
        parts = [
            module(torch.from_numpy(np.ascontiguousarray(some))).numpy()
            for some in np.array_split(inputs, max(1, len(inputs) // 32))
        ]
    return np.concatenate(parts)


def _check_floats(bundle: Bundle, own: Parity, wanted: Floats, faces: Faces) -> None:
    answers, _ = _answers_of_onnx(bundle.model_path, faces)
    file = bundle.model_path
    reason = refusal(
        compared("as it is", answers, wanted, faces, bundle.temperature, file), own, ROUNDED
    )
    if reason:
        raise ModelInvalid(f"the floats behind {file} answer otherwise than it does: {reason}")


def _export(
    form: ExportForm,
    careful: bool,
    bundle: Bundle,
    known: Forms,
    folder: Path,
    faces: Faces,
    reference: tuple[Floats, Parity],
    python: Path | None,
) -> Parity:
    """One form, compared; its folder is taken away where it is refused."""
    wanted, own = reference
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if python is not None and "litert" in form:
            file, answers, one_ms = _litert(python, known.program, faces, folder, form)
            # Other programs read from it how a face becomes the input.
            shutil.copyfile(bundle.folder / bundles.FILE, folder / DESCRIPTION)
        else:
            file, answers, one_ms = _onnx(bundle, known, faces, folder, form, careful)
    except ModelInvalid as error:
        shutil.rmtree(folder)
        return Parity(form, len(wanted), 1.0, 0.0, 0.0, 0.0, 0.0, str(error))
    except OSError as error:
        raise SinkError(f"cannot write {folder}: {error.strerror}") from error
    done = compared(form, answers, wanted, faces, bundle.temperature, file, one_ms)
    refused = refusal(done, own, TOLERANCES[form])
    if refused:
        shutil.rmtree(folder)
    return replace(done, refused=refused)


def _onnx(
    bundle: Bundle,
    known: Forms,
    faces: Faces,
    folder: Path,
    form: ExportForm,
    careful: bool,
) -> tuple[Path, Floats, float]:
    """A bundle of its own: the same description, another file."""
    file = folder / "model.onnx"
    if form is ExportForm.ONNX_INT8 and known.integers is not None:
        shutil.copyfile(known.integers, file)
    else:
        shutil.copyfile(known.floats, file)
        if form is ExportForm.ONNX_INT8:
            parts = np.array_split(faces.calibration, max(1, len(faces.calibration) // 20))
            quantise(file, parts, careful=careful)
    bundles.write(
        replace(bundle, folder=folder, model=file.name, sha256={}, name=f"{bundle.name} {form}")
    )
    return file, *_answers_of_onnx(file, faces)


def _answers_of_onnx(file: Path, faces: Faces) -> tuple[Floats, float]:
    """Logits of shape (n, classes), and milliseconds for one face."""
    network = Network(file, device="cpu", threads=2)
    answers, times = [], []
    for face in faces.checked:
        start = perf_counter()
        (answer,) = network(face[None]).values()
        times.append(perf_counter() - start)
        answers.append(answer[0])
    return np.stack(answers), 1000 * median(times[-_ROUNDS:])


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
