"""Ways of turning a run into integers, each compared with its floats on faces of its own set.

What differs is how many bits weights have, and which convolutions stay in floats.

    scripts/bench int8_recipes RUN --data SET
"""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import onnx
import typer
from kit.report import Row, save, show
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from maskwatch.data.formats import read_set
from maskwatch.models import bundle as bundles
from maskwatch.models.classifier import softmax
from maskwatch.models.runtime import Network
from maskwatch.training.workshop.parity import Faces, faces_of
from maskwatch.training.workshop.samples import samples_of


def main(
    run: Annotated[Path, typer.Argument(help="A run, or a bundle of floats.")],
    data: Annotated[Path, typer.Option(help="The labelled set.")],
    faces: Annotated[int, typer.Option(min=20, help="Faces to compare on.")] = 200,
) -> None:
    """Measure, show, keep."""
    bundle = bundles.read(run)
    pictures = list(read_set(data).pictures)
    np.random.default_rng(0).shuffle(pictures)
    parts = (samples_of(some, len(bundle.labels)) for some in (pictures[::2], pictures[1::2]))
    shown = faces_of(bundle, *parts, faces)
    network = Network(bundle.model_path)
    wanted = np.concatenate([network(face[None])["logits"] for face in shown.checked])
    with TemporaryDirectory() as name:
        prepared, out = Path(name) / "prepared.onnx", Path(name) / "out.onnx"
        quant_pre_process(str(bundle.model_path), str(prepared), skip_symbolic_shape=True)
        rows = []
        for recipe, choices in _recipes(prepared).items():
            _quantise(prepared, out, shown, choices)
            figures = _compared(out, wanted, shown, bundle.temperature)
            rows.append({"recipe": recipe, **figures, "faces": len(wanted)})
            print(rows[-1], flush=True)
    show(f"{bundle.name} in integers", rows)
    save("int8_recipes", rows)


def _recipes(prepared: Path) -> dict[str, dict[str, Any]]:
    nodes = onnx.load(str(prepared)).graph.node
    convolutions = [node.name for node in nodes if node.op_type == "Conv"]
    adds = [node.name for node in nodes if node.op_type == "Add"]

    def floats(names: list[str]) -> dict[str, Any]:
        return {"nodes_to_exclude": names}

    unsigned = {"reduce_range": False, "weight_type": QuantType.QUInt8}
    return {
        "7 bits": {},
        "7 bits, sums in floats": floats(adds),
        "7 bits, the first convolution in floats": floats(convolutions[:1]),
        "7 bits, the first 3 in floats": floats(convolutions[:3]),
        "7 bits, the first fifth in floats": floats(convolutions[: len(convolutions) // 5]),
        "7 bits, the last fifth in floats": floats(convolutions[-(len(convolutions) // 5) :]),
        "8 bits": {"reduce_range": False},
        "8 bits without a sign": unsigned,
        "the same, the first fifth in floats": {
            **unsigned,
            **floats(convolutions[: len(convolutions) // 5]),
        },
    }


def _quantise(prepared: Path, out: Path, faces: Faces, choices: dict[str, Any]) -> None:
    common = {
        "quant_format": QuantFormat.QDQ, "per_channel": True, "reduce_range": True,
        "activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8,
        "calibrate_method": CalibrationMethod.MinMax,
    }  # fmt: skip
    quantize_static(str(prepared), str(out), _Reader(faces), **{**common, **choices})


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, faces: Faces) -> None:
        self._faces = iter(faces.calibration)

    def get_next(self) -> dict[str, Any] | None:
        face = next(self._faces, None)
        return None if face is None else {"pixels": face[None]}


def _compared(file: Path, wanted: Any, faces: Faces, temperature: float) -> Row:
    network = Network(file, threads=1)
    answers, times = [], []
    for face in faces.checked:
        start = perf_counter()
        answers.append(network(face[None])["logits"])
        times.append(perf_counter() - start)
    told = np.concatenate(answers)
    apart = np.abs(softmax(told / temperature) - softmax(wanted / temperature))
    return {
        "equal labels": float((told.argmax(axis=1) == wanted.argmax(axis=1)).mean()),
        "mean difference": float(apart.mean()),
        "largest difference": float(apart.max()),
        "accuracy": float((told.argmax(axis=1) == faces.labels).mean()),
        "of floats": float((wanted.argmax(axis=1) == faces.labels).mean()),
        "MB": file.stat().st_size / 1e6,
        "ms one face": 1000 * median(times),
    }


if __name__ == "__main__":
    typer.run(main)
