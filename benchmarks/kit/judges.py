"""Classifiers as functions from labelled faces to probabilities (n, 3)."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kit.faces import LabelledFaces
from kit.report import ROOT
from maskwatch import MaskDetector
from maskwatch.types import Faces, Floats, Image

Judge = Callable[[LabelledFaces], Floats]
CLASSIC_PYTHON = Path("/tmp/venv-classic/bin/python")


class NoDetector:
    """The boxes are given."""

    def detect(self, images: list[Image]) -> list[Faces]:
        """Return no faces."""
        return [Faces.empty() for _ in images]


def ours(classifier: str) -> Judge:
    """A shipped classifier or a run's folder."""
    detector = MaskDetector(classifier=classifier, detector=NoDetector(), unknown=0)

    def judge(faces: LabelledFaces) -> Floats:
        parts = [
            detector.classify(path, faces.boxes[rows]).probabilities
            for path, rows in faces.by_picture()
        ]
        return np.concatenate(parts)

    return judge


def classic(faces: LabelledFaces) -> Floats:
    """The classifier of PyPI's face-mask-detector 0.2.3; it knows two states."""
    with TemporaryDirectory() as temporary:
        listing, table = Path(temporary) / "faces.json", Path(temporary) / "table.npy"
        work = [(str(path), faces.boxes[rows].tolist()) for path, rows in faces.by_picture()]
        listing.write_text(json.dumps(work))
        script = ROOT / "benchmarks" / "classic_boxes.py"
        subprocess.run([CLASSIC_PYTHON, script, listing, table], check=True, capture_output=True)
        two = np.load(table)
    return np.pad(two, ((0, 0), (0, 1))).astype(np.float32)
