"""LiteRT, in an environment of its own: this file is run there and imports nothing of ours.

`python litert.py network.pt2 faces.npz OUT [--int8]` converts a network that torch.export saved,
runs it on the faces and writes `OUT/model.tflite` and `OUT/answers.npz`.
"""

import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

_ROUNDS = 30
_MODEL = "model.tflite"


def main(network: Path, faces: Path, out: Path, *, int8: bool) -> None:
    """Convert, quantise, run."""
    import litert_torch
    import torch

    given = np.load(faces)
    module = torch.export.load(network).module()
    example = torch.from_numpy(given["faces"][:1])
    # Pictures as phones have them: height, width, channels.
    wanted = litert_torch.to_channel_last_io(module, args=[0])
    model = litert_torch.convert(wanted, (example.permute(0, 2, 3, 1).contiguous(),))
    out.mkdir(parents=True, exist_ok=True)
    file = out / _MODEL
    model.export(str(file))
    if int8:
        _quantise(file, given["calibration"])
    answers, times = _run(file, given["faces"])
    np.savez(out / "answers.npz", answers=answers, one_ms=1000 * median(times))


def _quantise(file: Path, faces: "np.ndarray[Any, Any]") -> None:
    from ai_edge_quantizer import quantizer, recipe

    made = quantizer.Quantizer(str(file), recipe.static_wi8_ai8())
    name = _input_name(file)
    samples = [{name: np.ascontiguousarray(f[None].transpose(0, 2, 3, 1))} for f in faces]
    statistics = made.calibrate({"serving_default": samples})
    file.unlink()
    made.quantize(statistics).export_model(str(file))


def _interpreter(file: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(str(file), num_threads=2)
    made.allocate_tensors()
    return made


def _input_name(file: Path) -> str:
    return str(next(iter(_interpreter(file).get_signature_runner().get_input_details())))


def _run(file: Path, faces: "np.ndarray[Any, Any]") -> "tuple[np.ndarray[Any, Any], list[float]]":
    runner = _interpreter(file).get_signature_runner()
    ((name, given),) = runner.get_input_details().items()
    ((told_as, told),) = runner.get_output_details().items()
    answers, times = [], []
    for face in faces:
        picture = _to(np.ascontiguousarray(face[None].transpose(0, 2, 3, 1)), given)
        start = perf_counter()
        answer = runner(**{name: picture})[told_as]
        times.append(perf_counter() - start)
        answers.append(_from(answer, told)[0])
    return np.stack(answers), times[-_ROUNDS:]


def _to(values: "np.ndarray[Any, Any]", details: dict[str, Any]) -> "np.ndarray[Any, Any]":
    """Numbers as a model takes them: in 8 bits, scaled, if it does."""
    if details["dtype"] == np.float32:
        return values
    scale, zero = details["quantization"]
    limits = np.iinfo(details["dtype"])
    rounded = np.clip(np.round(values / scale) + zero, limits.min, limits.max)
    return np.asarray(rounded, details["dtype"])


def _from(values: "np.ndarray[Any, Any]", details: dict[str, Any]) -> "np.ndarray[Any, Any]":
    if details["dtype"] == np.float32:
        return values
    scale, zero = details["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int8="--int8" in sys.argv)
