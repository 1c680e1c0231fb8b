"""Opening networks in ONNX Runtime."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from maskwatch.errors import ModelInvalid, UsageError

Device = Literal["auto", "cpu", "cuda"]
_ERRORS_ONLY = 3


class Network:
    """One network: named arrays in, arrays out.

    Args:
        model: the ONNX file, or its bytes.
        threads: threads of one run; 0 leaves the choice to ONNX Runtime.

    Raises:
        ModelInvalid: not an ONNX model that can be run.
        UsageError: `cuda` is asked for where ONNX Runtime has no such provider.
    """

    def __init__(self, model: Path | bytes, *, device: Device = "auto", threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        # Stages overlap: a thread that spins while it waits takes the core from the next stage.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._name = name = "model" if isinstance(model, bytes) else str(model)
        chosen = providers(device)
        try:
            self._session = onnxruntime.InferenceSession(
                model if isinstance(model, bytes) else os.fspath(model),
                options,
                providers=chosen,
            )
        except Exception as error:
            raise ModelInvalid(
                f"{name} is not a model that ONNX Runtime can run: {error}"
            ) from error
        self.input_name: str = self._session.get_inputs()[0].name
        self.output_names: tuple[str, ...] = tuple(o.name for o in self._session.get_outputs())

    def __call__(self, batch: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run one batch; the outputs by their names.

        Raises:
            ModelInvalid: the network does not take an input of this shape.
        """
        try:
            outputs: Sequence[NDArray[np.float32]] = self._session.run(
                None, {self.input_name: batch}
            )
        except Exception as error:
            raise ModelInvalid(
                f"{self._name} cannot be run on an input of shape {batch.shape}: {error}"
            ) from error
        return dict(zip(self.output_names, outputs, strict=True))


def providers(device: Device) -> list[str]:
    """ONNX Runtime's providers for a device, best first.

    Raises:
        UsageError: no such device here.
    """
    cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
    available = onnxruntime.get_available_providers()
    if device == "cpu" or (device == "auto" and cuda not in available):
        return [cpu]
    if device in ("auto", "cuda") and cuda in available:
        return [cuda, cpu]
    if device == "cuda":
        raise UsageError(
            "no CUDA here: ONNX Runtime offers "
            f"{', '.join(available)}; install onnxruntime-gpu or use --device cpu"
        )
    raise UsageError(f"device must be auto, cpu or cuda, got {device!r}")
