"""Peak memory of `maskwatch train` on many pictures, above what the framework itself takes.

The pictures are small JPEGs drawn by code, all different, in a temporary folder. Both ways of
training are run as a user runs them, twins looked for and bundle written: a whole small network
through one epoch, and the head of a frozen MobileNetV2 on the features of two views. The resident
set of the process tree is summed every 50 ms; of that goes what importing the framework takes.

Goal: 100,000 pictures in less than 2 GiB above the framework.

    scripts/bench train_memory
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import cv2
import numpy as np
import typer
from kit.processes import watch
from kit.report import Row, save, show

_GOAL_MIB, _SIDE, _VAL = 2048, 64, 0.05
_IMPORTS = "import maskwatch.cli, maskwatch.training.workshop.run"
_SMALL = ("--input-size", "32", "--batch", "256", "--classes", "2")
_WAYS: dict[str, Sequence[str]] = {
    "whole network": ("--backbone", "cnn", "--epochs", "1"),
    "frozen backbone, 2 views": ("--backbone", "mobilenetv2", "--views", "2", "--epochs", "2",
                                 "--augment", "hflip"),
}  # fmt: skip


def main(
    pictures: Annotated[int, typer.Option(min=1000, help="How many.")] = 100_000,
    folder: Annotated[Path | None, typer.Option(help="Where the temporary files lie.")] = None,
) -> None:
    """Measure, show, keep."""
    with TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        _draw(root / "set", pictures)
        empty = watch([sys.executable, "-c", _IMPORTS], root / "told").tree_mib
        rows = [_trained(way, root, pictures, empty) for way in _WAYS]
    show("peak memory of training", rows)
    save("train_memory", rows)
    worst = max(float(row["above it MiB"]) for row in rows)
    print(f"at most {worst:.0f} MiB above the framework (goal: less than {_GOAL_MIB})")


def _draw(root: Path, count: int) -> None:
    """A part train and a part val, each with two states."""
    for part in ("train", "val"):
        for state in ("mask", "no_mask"):
            (root / part / state).mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        starts = range(0, count, 1000)
        list(pool.map(_draw_some, [root] * len(starts), starts, [count] * len(starts)))


def _draw_some(root: Path, first: int, count: int) -> None:
    rng = np.random.default_rng(first)
    for number in range(first, min(first + 1000, count)):
        part = "val" if number < _VAL * count else "train"
        state = ("mask", "no_mask")[number % 2]
        coarse = rng.integers(0, 256, (7, 7, 3), np.uint8)
        coarse[4:, :, 0] = 255 * (number % 2)
        picture = cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / part / state / f"{number:06d}.jpg"), picture)


def _trained(way: str, root: Path, count: int, empty_mib: float) -> Row:
    words = ["train", "--data", str(root / "set"), "--out", str(root / "run"), "--overwrite"]
    command = [sys.executable, "-m", "maskwatch", *words, *_SMALL, *_WAYS[way]]
    peak = watch(command, root / "told")
    print(f"{way}: {peak.tree_mib:.0f} MiB in {peak.seconds:.0f} s", flush=True)
    return {
        "training": way,
        "pictures": count,
        "peak MiB": round(peak.tree_mib),
        "framework MiB": round(empty_mib),
        "above it MiB": round(peak.tree_mib - empty_mib),
        "seconds": round(peak.seconds),
    }


if __name__ == "__main__":
    typer.run(main)
