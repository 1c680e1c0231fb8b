"""Would 8-bit integers pay for the face detector? Its time, and what they change.

The shipped network is turned into 8-bit integers (calibrated on training pictures), both run in
turns on two threads over one picture of 640x448, and both find faces in kaggle853-dev at 640: how
far boxes lie apart (IoU of those found by both), scores differ, and average precision.

    scripts/bench detector_int8
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import typer
from kit.detection import LOWEST_SCORE, labelled, matches
from kit.report import Row, save, show

from maskwatch.boxes import iou
from maskwatch.evaluation.detections import average_precision
from maskwatch.images import decode, planes, resize
from maskwatch.models import bundle as bundles
from maskwatch.models.catalogue import SHIPPED
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.models.files import sha256_of
from maskwatch.training.export import quantise
from maskwatch.types import Faces, Floats

_SIZE_WH = (640, 448)
_CALIBRATION, _ROUNDS, _THREADS = 40, 40, 2


def main() -> None:
    """Measure, show, keep."""
    shipped = bundles.read(SHIPPED / "maskwatch")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copytree(shipped.folder, folder, dirs_exist_ok=True)
        quantise(folder / shipped.model, _calibration())
        small = replace(
            shipped, folder=folder, sha256={shipped.model: sha256_of(folder / shipped.model)}
        )
        sides = {
            name: OnePass(bundle, score=LOWEST_SCORE, second_stage=False, threads=_THREADS)
            for name, bundle in (("32-bit floats", shipped), ("8-bit integers", small))
        }
        rows = _rows(sides, {name: b.model_path.stat().st_size for name, b in
                             zip(sides, (shipped, small), strict=True)})  # fmt: skip
    show("kaggle853-dev at 640", rows)
    save("detector_int8", rows)


def _calibration() -> Iterator[Floats]:
    for one in labelled("ilc2021-train")[:_CALIBRATION]:
        yield planes([resize(decode(one.path), *_SIZE_WH)], _SIZE_WH)


def _rows(sides: dict[str, OnePass], sizes: dict[str, int]) -> list[Row]:
    pictures = labelled("kaggle853-dev")
    found = {
        name: [side.detect([decode(one.path)])[0] for one in pictures]
        for name, side in sides.items()
    }
    times = _times(sides)
    base, *_ = found.values()
    rows: list[Row] = []
    for name, faces in found.items():
        overlap, gap = _apart(base, faces)
        rows.append(
            {
                "network": name,
                "file MB": sizes[name] / 1e6,
                "milliseconds": 1000 * median(times[name]),
                "face AP": average_precision(matches(pictures, faces)),
                "IoU with the floats": overlap,
                "score difference": gap,
            }
        )
    return rows


def _times(sides: dict[str, OnePass]) -> dict[str, list[float]]:
    picture = resize(decode(labelled("kaggle853-dev")[0].path), *_SIZE_WH)
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(_ROUNDS + 2):
        for name, side in sides.items():
            begun = time.perf_counter()
            side.detect([picture])
            if turn >= 2:
                times[name].append(time.perf_counter() - begun)
    return times


def _apart(first: list[Faces], second: list[Faces]) -> tuple[float, float]:
    """Mean IoU and mean score difference of the faces that both find."""
    overlaps, gaps = [], []
    for one, other in zip(first, second, strict=True):
        one = one[one.scores >= 0.3]
        table = iou(one.boxes, other.boxes)
        if not table.size:
            continue
        best = table.argmax(axis=1)
        same = table.max(axis=1) >= 0.5
        overlaps.append(table.max(axis=1)[same])
        gaps.append(np.abs(one.scores - other.scores[best])[same])
    return float(np.concatenate(overlaps).mean()), float(np.concatenate(gaps).mean())


if __name__ == "__main__":
    typer.run(main)
