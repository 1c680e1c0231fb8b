"""The detector as ONNX: the maps that maskwatch decodes, and one file that does everything."""

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnx.checker
import onnx.compose
import onnx.parser
import onnxruntime
import torch
from torch import Tensor, nn

from maskwatch.errors import ModelInvalid
from maskwatch.models.detectors.onepass import CHANNELS, STRIDES
from maskwatch.training.detector.network import boxes_of, cells_of, flat, landmarks_of
from maskwatch.training.export import write_onnx

_PARITY = 1e-3
_MOST_STEPS = 128


class Maps(nn.Module):
    """The network on pixels of 0..255, as `maskwatch.models.detectors.onepass` runs it.

    The division by 255 goes into the first convolution: nothing is left to do when it runs.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().eval()
        first = next(m for m in self.network.modules() if isinstance(m, nn.Conv2d))
        first.weight.data /= 255

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Maps (n, 18, h / stride, w / stride) for (n, 3, h, w), h and w multiples of 32."""
        maps: list[Tensor] = self.network(pixels)
        return maps


class Decoded(nn.Module):
    """From maps to boxes (n, cells, 4), scores (n, 1, cells), states (n, cells, 3) and landmarks
    (n, cells, 10)."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, *maps: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Boxes and landmarks in pixels of the input, scores and states in 0..1."""
        rows = flat(maps)
        cells = cells_of(maps)
        boxes, points = boxes_of(rows, *cells), landmarks_of(rows, *cells).flatten(2)
        states = (rows[..., 5:8] / self.temperature).softmax(dim=2)
        return boxes, rows[..., :1].sigmoid().sqrt().transpose(1, 2), states, points


def export_maps(network: nn.Module, path: Path) -> None:
    """Write the network with free batch, height and width.

    Raises:
        ModelInvalid: ONNX Runtime's answers differ from PyTorch's by more than 0.001.
    """
    maps = Maps(network).eval()
    rows, columns = _steps()
    side = STRIDES[-1]
    shapes = ({0: torch.export.Dim("batch", min=1, max=64), 2: side * rows, 3: side * columns},)
    example = torch.rand(2, 3, 4 * side, 6 * side) * 255
    write_onnx(maps, (example,), shapes, ["pixels"], [f"stride_{s}" for s in STRIDES], path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 5 * side, 3 * side), (2, 3, 2 * side, 7 * side)):
        example = torch.rand(*shape) * 255
        with torch.inference_mode():
            wanted = network.cpu().eval()(example / 255)
        for one, other in zip(session.run(None, {"pixels": example.numpy()}), wanted, strict=True):
            worst = float(np.abs(one - other.numpy()).max())
            if worst > _PARITY:
                raise ModelInvalid(f"{path} differs from PyTorch by {worst:.4f}")


def _steps() -> tuple[Any, Any]:
    """Height and width in strides of 32."""
    rows, columns = (torch.export.Dim(name, min=1, max=_MOST_STEPS) for name in ("rows", "columns"))
    return rows, columns


_BEFORE = """
<ir_version: 10, opset_import: ["" : 18]>
before (uint8[height, width, 3] image) => (float[1, 3, rows, columns] padded)
{
    side = Constant <value = int64[2] {32, 32}> ()
    nothing = Constant <value = int64[3] {0, 0, 0}> ()
    one = Constant <value = int64[1] {0}> ()
    size = Shape <start = 0, end = 2> (image)
    negative = Neg (size)
    missing = Mod (negative, side)
    pads = Concat <axis = 0> (nothing, missing, one)
    full = Pad (image, pads)
    planes = Transpose <perm = [2, 0, 1]> (full)
    single = Unsqueeze (planes, one)
    padded = Cast <to = 1> (single)
}
"""

_AFTER = """
<ir_version: 10, opset_import: ["" : 18]>
after (float[1, cells, 4] all_boxes, float[1, 1, cells] all_scores, float[1, cells, 3] all_states,
       float[1, cells, 10] all_landmarks)
    => (float[faces, 4] boxes, float[faces] scores, float[faces, 3] states,
        float[faces, 5, 2] landmarks)
{
    most = Constant <value = int64[1] {1000}> ()
    overlap = Constant <value = float[1] {OVERLAP}> ()
    least = Constant <value = float[1] {SCORE}> ()
    third = Constant <value = int64 {2}> ()
    flat_shape = Constant <value = int64[1] {-1}> ()
    first = Constant <value = int64[1] {0}> ()
    chosen = NonMaxSuppression (all_boxes, all_scores, most, overlap, least)
    kept = Gather <axis = 1> (chosen, third)
    some_boxes = Gather <axis = 1> (all_boxes, kept)
    boxes = Squeeze (some_boxes, first)
    flat_scores = Reshape (all_scores, flat_shape)
    scores = Gather <axis = 0> (flat_scores, kept)
    some_states = Gather <axis = 1> (all_states, kept)
    states = Squeeze (some_states, first)
    some_landmarks = Gather <axis = 1> (all_landmarks, kept)
    points_shape = Constant <value = int64[3] {-1, 5, 2}> ()
    landmarks = Reshape (some_landmarks, points_shape)
}
"""


def export_end_to_end(
    maps: Path, path: Path, *, score: float, overlap: float, temperature: float
) -> None:
    """Write a file that takes an RGB picture (h, w, 3) of uint8 and gives its faces, best first.

    The picture is not scaled, and boxes are not cut to it. Padding, decoding and suppression are
    inside; the outputs are `boxes` (n, 4) in pixels, `scores` (n,), `states` (n, 3): mask, no_mask,
    incorrect, and `landmarks` (n, 5, 2) in pixels.

    Args:
        maps: the file that `export_maps` wrote.
        path: to write.
        score: faces below it are dropped.
        overlap: overlap above which the weaker of two boxes goes.
        temperature: of the states.
    """
    rows, columns = _steps()
    per_step = [STRIDES[-1] // stride for stride in STRIDES]
    examples = tuple(torch.rand(1, CHANNELS, 2 * n, 3 * n) for n in per_step)
    shapes = (tuple({2: n * rows, 3: n * columns} for n in per_step),)
    between = ["all_boxes", "all_scores", "all_states", "all_landmarks"]
    names = [f"map_{stride}" for stride in STRIDES]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "decoded.onnx"
        write_onnx(Decoded(temperature).eval(), examples, shapes, names, between, file)
        decoded = onnx.load(file)
    after = _AFTER.replace("OVERLAP", str(overlap)).replace("SCORE", str(score))
    whole = onnx.parser.parse_model(_BEFORE)
    for prefix, part, links in (
        ("maps_", onnx.load(maps), [("padded", "maps_pixels")]),
        ("decoded_", decoded, [(f"maps_stride_{s}", f"decoded_map_{s}") for s in STRIDES]),
        (
            "after_",
            onnx.parser.parse_model(after),
            [(f"decoded_{n}", f"after_{n}") for n in between],
        ),
    ):
        last = prefix == "after_"
        part = onnx.compose.add_prefix(part, prefix, rename_outputs=not last)
        part.ir_version = whole.ir_version
        whole = onnx.compose.merge_models(whole, part, io_map=links)
    onnx.checker.check_model(whole)
    onnx.save(whole, path)
