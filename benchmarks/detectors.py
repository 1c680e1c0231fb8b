"""The face detectors on `kaggle853-dev`: average precision, recall by size, time.

Records are written by `maskwatch detect` at detector score 0.02, pictures scaled to a long side of
640 pixels, and scored by the sets' own tool (IoU 0.5, faces under 12 pixels ignored). The time is
the whole command's, models opened and pictures decoded, over the number of pictures.

    scripts/bench detectors
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from kit.processes import MASKWATCH
from kit.report import ROOT, Row, save, show
from kit.scoring import score_records

SHARED = ROOT.parent / "shared"
DETECTORS = ("yunet", "retinaface", "mtcnn", "haar")
_SCORE = "0.02"


def main(
    long_side: Annotated[int, typer.Option(help="Pixels of the longer side.")] = 640,
    only: Annotated[str | None, typer.Option(help="One detector by name.")] = None,
) -> None:
    """Run each detector over the set and keep the figures."""
    rows = [_measure(name, long_side) for name in DETECTORS if only in (None, name)]
    show(f"kaggle853-dev at {long_side}", rows)
    if only is None:
        save("detectors", rows)


def _measure(name: str, long_side: int) -> Row:
    folder = SHARED / "data" / "kaggle853-dev"
    with TemporaryDirectory() as temporary:
        records = Path(temporary) / "records.jsonl"
        words = ["--detector", name, "--score", _SCORE, "--long-side", str(long_side), "--json"]
        summary = _json_of(
            [MASKWATCH, "detect", str(folder / "images"), "--records", str(records), *words]
        )
        lines = records.read_text("utf-8").splitlines()
    figures = score_records(folder / "annotations.json", lines)
    milliseconds = 1000 * summary["seconds"] / summary["pictures"]
    return {"detector": name, **figures, "ms a picture": milliseconds}


def _json_of(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"{' '.join(command)} said: {done.stderr}")
    result: dict[str, float] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    typer.run(main)
