"""How long each face detector takes, how much memory, and how large its file is.

Two threads, one picture of real faces, long sides of 320, 640 and 960 pixels; all sides take turns
in one process, medians of the rounds. Preparation, decoding and suppression are counted. `OpenCV's
YuNet` is cv2.FaceDetectorYN with the same file, `end to end` our file that has it all inside.
Memory is the peak resident set of a process that opens the detector and looks at the picture, over
that of one that only imports maskwatch.

    scripts/bench detector_speed
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated

import cv2
import numpy as np
import onnxruntime
import typer
from kit.detection import SHARED, labelled
from kit.processes import PYTHON
from kit.report import Row, save, show

from maskwatch.images import decode, resize, to_bgr
from maskwatch.models.catalogue import SHIPPED
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.types import Image

SIZES_WH = ((320, 224), (640, 448), (960, 672))
DETECTORS = ("maskwatch", "yunet", "retinaface", "mtcnn", "haar")
_THREADS = 2
_YUNET = SHARED / "weights" / "yunet_2023mar.onnx"
_BASE = "OpenCV's YuNet"
_PEAK = """
import sys
import cv2, numpy, onnxruntime
from maskwatch.images import decode
from maskwatch.models.detectors import DetectorOptions, open_detector
if len(sys.argv) > 2:
    image = decode(__import__("pathlib").Path(sys.argv[1]))
    open_detector(sys.argv[2], DetectorOptions(threads=2)).detect([image])
# Not getrusage: what it tells includes the parent's peak from before this program began.
status = open("/proc/self/status").read()
print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""


def main(rounds: Annotated[int, typer.Option(min=5)] = 40) -> None:
    """Measure, show, keep."""
    cv2.setNumThreads(_THREADS)
    path = max((p for p in labelled("kaggle853-dev")), key=lambda one: len(one.boxes)).path
    image = decode(path)
    rows: list[Row] = []
    for width, height in SIZES_WH:
        picture = resize(image, width, height)
        for name, seconds in _alternating(_sides(picture), rounds).items():
            rows.append(
                {
                    "detector": name,
                    "picture": f"{width}x{height}",
                    "milliseconds": 1000 * seconds[0],
                    "of OpenCV's YuNet": seconds[1],
                    "file MB": _file_mb(name),
                    "peak MiB": _peak_mib(path, name) if width == 640 and name in DETECTORS else "",
                }
            )
    show("two threads", rows)
    save("detector_speed", rows)


def _sides(picture: Image) -> dict[str, Callable[[], object]]:
    long_side = max(picture.shape[:2])
    sides: dict[str, Callable[[], object]] = {}
    size_wh = picture.shape[1], picture.shape[0]
    theirs = cv2.FaceDetectorYN.create(str(_YUNET), "", size_wh, 0.6, 0.3, 5000)
    bgr = to_bgr(picture)
    sides[_BASE] = lambda: theirs.detect(bgr)
    for name in DETECTORS:
        detector = open_detector(name, DetectorOptions(long_side=long_side, threads=_THREADS))
        sides[name] = lambda detector=detector: detector.detect([picture])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    whole = onnxruntime.InferenceSession(_end_to_end(), options)
    sides["end to end"] = lambda: whole.run(None, {"image": picture})
    return sides


def _end_to_end() -> Path:
    return SHIPPED / "maskwatch" / "end-to-end.onnx"


def _alternating(
    sides: dict[str, Callable[[], object]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Seconds of each side and the median ratio to the base, round by round."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 2):
        for name, side in sides.items():
            begun = time.perf_counter()
            side()
            if turn >= 2:
                times[name].append(time.perf_counter() - begun)
    base = np.array(times[_BASE])
    return {name: (median(t), float(np.median(np.array(t) / base))) for name, t in times.items()}


def _file_mb(name: str) -> float | str:
    files = {
        _BASE: _YUNET,
        "yunet": _YUNET,
        "retinaface": SHARED / "weights" / "retinaface_mnet025.onnx",
        "maskwatch": SHIPPED / "maskwatch" / "model.onnx",
        "end to end": _end_to_end(),
    }
    return files[name].stat().st_size / 1e6 if name in files else ""


def _peak_mib(picture: Path, name: str) -> float:
    def peak(*words: str | Path) -> float:
        command = [PYTHON, "-c", _PEAK, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        value: float = json.loads(done.stdout)
        return value

    return peak(picture, name) - peak()


if __name__ == "__main__":
    typer.run(main)
