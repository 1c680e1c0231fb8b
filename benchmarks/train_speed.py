"""How long mobilenetv2-avgpool takes, all in, beside the published way, on the classic set.

The published way is benchmarks/classic_training.py in the classic environment: Keras's
ImageDataGenerator through the frozen base in every epoch. It runs for a few epochs, and twelve are
its loading and building, and twelve of its mean epoch. Ours is the command with all that it does:
twins looked for, features, twelve epochs, the bundle exported and drawn. The sides take turns.

    benchmarks/setup_classic && scripts/bench train_speed
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import numpy as np
import typer
from kit.detection import DATA
from kit.report import ROOT, Row, save, show
from safetensors.numpy import load_file

from maskwatch.models.files import FOLDER_VARIABLE

_SCRIPT = ROOT / "benchmarks" / "classic_training.py"
_SET, _PRESET, _EPOCHS, _GOAL = "balajisrinivas-3833", "mobilenetv2-avgpool", 12, 10
_WEIGHTS = "mobilenetv2-imagenet-keras.safetensors"


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of both.")] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of the published way.")] = 2,
    classic: Annotated[Path, typer.Option(help="Its environment.")] = Path("/tmp/venv-classic"),
) -> None:
    """Measure in turns, show, keep."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        split = folder / "split"
        words = ["data", "split", DATA / _SET, "--test", "0", "--val", "0.2", "--group", "none"]
        _maskwatch(*words, "--out", split)
        weights = folder / "weights.npz"
        np.savez(weights, **load_file(Path(os.environ[FOLDER_VARIABLE]) / _WEIGHTS))
        published: list[dict[str, float]] = []
        ours: list[dict[str, float]] = []
        for turn in range(rounds):
            published.append(_published(classic / "bin" / "python", split, weights, epochs))
            ours.append(_ours(split, folder / f"run-{turn}"))
    rows: list[Row] = [
        {"side": side, "seconds": median(row["seconds"] for row in found), "epochs run": run,
         "validation accuracy": found[-1]["accuracy"], "rounds": rounds}
        for side, found, run in (("published", published, epochs), ("maskwatch", ours, _EPOCHS))
    ]  # fmt: skip
    ratio = float(rows[0]["seconds"]) / float(rows[1]["seconds"])
    rows = [
        {**row, "published / this": float(rows[0]["seconds"]) / float(row["seconds"])}
        for row in rows
    ]
    show(f"{_PRESET}, {_EPOCHS} epochs on {_SET}", rows)
    save("train_speed", rows)
    print(f"{ratio:.1f} times faster (goal {_GOAL})")


def _maskwatch(*words: object) -> None:
    command = [sys.executable, "-m", "maskwatch", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)


def _published(python: Path, split: Path, weights: Path, epochs: int) -> dict[str, float]:
    words = [str(word) for word in (python, _SCRIPT, split, weights, epochs)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    seconds = told["load_s"] + told["build_s"] + _EPOCHS * mean(told["epoch_s"])
    return {"seconds": seconds, "accuracy": told["val_accuracy"]}


def _ours(split: Path, out: Path) -> dict[str, float]:
    start = perf_counter()
    _maskwatch("train", "--data", split, "--preset", _PRESET, "--out", out)
    seconds = perf_counter() - start
    bundle = json.loads((out / "bundle.json").read_text())
    return {"seconds": seconds, "accuracy": bundle["figures"]["validation"]["accuracy"]}


if __name__ == "__main__":
    typer.run(main)
