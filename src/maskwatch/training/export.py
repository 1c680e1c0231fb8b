"""From a trained network to a bundle: ONNX, calibrated, checked against PyTorch."""

import warnings
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from maskwatch.errors import ModelInvalid, SinkError

_PARITY = 1e-3
_OPSET = 18
NETWORK = "network.pt2"
"""A network as PyTorch keeps it, beside a bundle of ours."""


def export_onnx(
    network: nn.Module, path: Path, side: int, output: str = "logits", keep: Path | None = None
) -> None:
    """Write a network as ONNX with a free batch size; input (n, 3, side, side), one output.

    Args:
        network: to write.
        path: the ONNX file.
        side: of the pictures in pixels.
        output: its name.
        keep: a file that gets the network as PyTorch runs it again, without our code.

    Raises:
        ModelInvalid: ONNX Runtime's answers differ from PyTorch's by more than a thousandth.
        SinkError: a file cannot be written.
    """
    network = network.cpu().eval()
    example = torch.randn(4, 3, side, side)
    shapes = ({0: torch.export.Dim("batch", min=1, max=1024)},)
    program = torch.export.export(network, (example,), dynamic_shapes=shapes)
    try:
        if keep is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # About tensors that share memory: they may.
                torch.export.save(program, keep)
        write_onnx(program, (example,), shapes, ["pixels"], [output], path)
    except OSError as error:
        raise SinkError(f"cannot write {path.parent}: {error.strerror}") from error
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for n in (1, 4):
        got = session.run(None, {"pixels": example[:n].numpy()})[0]
        with torch.inference_mode():
            wanted = network(example[:n]).numpy()
        worst = float(np.abs(got - wanted).max())
        allowed = _PARITY * max(1.0, float(np.abs(wanted).max()))
        if not worst <= allowed:  # No number is no parity, either.
            raise ModelInvalid(f"{path} differs from PyTorch by {worst:.4f}, more than {allowed}")


def write_onnx(
    module: nn.Module | torch.export.ExportedProgram,
    example: tuple[Tensor, ...],
    dynamic_shapes: Any,
    inputs: list[str],
    outputs: list[str],
    path: Path,
) -> None:
    """Write a module as one ONNX file, weights inside.

    Args:
        module: in evaluation mode, or exported already.
        example: its arguments.
        dynamic_shapes: which of their sides are free, as `torch.export` wants it told.
        inputs: names.
        outputs: names.
        path: to write.

    Raises:
        ModelInvalid: PyTorch gave no program.
    """
    program = torch.onnx.export(
        module,
        example,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=dynamic_shapes,
        opset_version=_OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise ModelInvalid("PyTorch gave no ONNX program")
    program.save(str(path), external_data=False)


def quantise(path: Path, batches: Iterable[NDArray[np.float32]], *, careful: bool = False) -> None:
    """Turn the weights and activations of an ONNX file into 8-bit integers, in place.

    Weights keep 7 bits: with 8, processors without VNNI saturate and give other answers.

    Args:
        path: the file, as `export_onnx` writes it.
        batches: calibration inputs, shape (n, 3, side, side), as the network will see them.
        careful: the first fifth of the convolutions stays in floats, and weights have all 8 bits,
            without a sign: that never saturates, and takes more time. Some networks need it.
    """
    # ONNX Runtime prints what it does; standard output is for results.
    with TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(path),
            _Calibration(batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=not careful,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QUInt8 if careful else QuantType.QInt8,
            nodes_to_exclude=_first_convolutions(prepared, 0.2) if careful else [],
            # Beside exact layers the few largest values are worth their place in the range.
            calibrate_method=(
                CalibrationMethod.MinMax if careful else CalibrationMethod.Percentile
            ),
            extra_options={"CalibPercentile": 99.99},
        )


def _first_convolutions(file: Path, share: float) -> list[str]:
    """The names of the nodes."""
    graph = onnx.load(str(file)).graph
    names = [node.name for node in graph.node if node.op_type == "Conv"]
    return names[: int(share * len(names))]


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Batches in the form that ONNX Runtime's quantisation asks for."""

    def __init__(self, batches: Iterable[NDArray[np.float32]]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"pixels": batch}


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature that makes the likelihood of held-out labels largest (Guo et al. 2017)."""
    candidates = np.exp(np.linspace(np.log(0.2), np.log(5), 200))
    losses = [_mean_loss(logits / t, labels) for t in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 4)


def fit_threshold(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    most_wrong: float,
    highest: float = 0.9,
) -> float:
    """The lowest threshold at which at most `most_wrong` of the answers are wrong, or `highest`.

    Args:
        probabilities: shape (n, classes).
        labels: shape (n,).
        most_wrong: share of the answers, 0..1.
        highest: probability, 0..1.
    """
    best, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    for threshold in np.arange(0.34, highest + 0.0005, 0.001):
        answered = best >= threshold
        if answered.any() and wrong[answered].mean() <= most_wrong:
            return round(float(threshold), 3)
    return highest


def _mean_loss(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    top = logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((log_sum - logits[np.arange(len(labels)), labels]).mean())
