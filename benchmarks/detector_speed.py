"""How long each face detector takes, how much memory, and how large its file is.

Two threads, the picture of a crowd, long sides of 320, 640 and 960 pixels, and at 640 one with four
faces; all sides take turns in one process, medians of the rounds. Preparation, decoding and
suppression are counted. `OpenCV's YuNet` is cv2.FaceDetectorYN with the same file, `maskwatch fast`
has no second stage, `end to end` is our file that has the first stage and all around it inside.
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
DETECTORS = ("maskwatch", "maskwatch fast", "yunet", "retinaface", "mtcnn", "haar")
_THREADS, _FEW = 2, 4
_YUNET = SHARED / "weights" / "yunet_2023mar.onnx"
_BASE = "OpenCV's YuNet"
_PEAK = """
import sys
import cv2, numpy, onnxruntime
from maskwatch.images import decode
from maskwatch.models.detectors import DetectorOptions, open_detector
if len(sys.argv) > 2:
    image = decode(__import__("pathlib").Path(sys.argv[1]))
    name, *fast = sys.argv[2].split()
    options = DetectorOptions(threads=2, second_stage=not fast)
    open_detector(name, options).detect([image])
# Not getrusage: what it tells includes the parent's peak from before this program began.
status = open("/proc/self/status").read()
print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""


def main(rounds: Annotated[int, typer.Option(min=5)] = 40) -> None:
    """Measure, show, keep."""
    cv2.setNumThreads(_THREADS)
    crowd = max((p for p in labelled("kaggle853-dev")), key=lambda one: len(one.boxes)).path
    four = next(p for p in labelled("kaggle853-dev") if len(p.boxes) == _FEW).path
    rows: list[Row] = []
    for path, (width, height) in (*((crowd, size) for size in SIZES_WH), (four, SIZES_WH[1])):
        picture = resize(decode(path), width, height)
        for name, seconds in _alternating(_sides(picture), rounds).items():
            weighed = path == crowd and width == 640 and name in DETECTORS
            rows.append(
                {
                    "detector": name,
                    "picture": f"{width}x{height}" + ("" if path == crowd else ", four faces"),
                    "milliseconds": 1000 * seconds[0],
                    "of OpenCV's YuNet": seconds[1],
                    "file MB": _file_mb(name),
                    "peak MiB": _peak_mib(path, name) if weighed else "",
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
        own, *fast = name.split()
        options = DetectorOptions(long_side=long_side, threads=_THREADS, second_stage=not fast)
        detector = open_detector(own, options)
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
    ours = SHIPPED / "maskwatch"
    files = {
        _BASE: (_YUNET,),
        "yunet": (_YUNET,),
        "retinaface": (SHARED / "weights" / "retinaface_mnet025.onnx",),
        "maskwatch": (ours / "model.onnx", ours / "second-stage.onnx"),
        "maskwatch fast": (ours / "model.onnx",),
        "end to end": (_end_to_end(),),
    }
    return sum(file.stat().st_size for file in files[name]) / 1e6 if name in files else ""


def _peak_mib(picture: Path, name: str) -> float:
    def peak(*words: str | Path) -> float:
        command = [PYTHON, "-c", _PEAK, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        value: float = json.loads(done.stdout)
        return value

    return peak(picture, name) - peak()


if __name__ == "__main__":
    typer.run(main)
