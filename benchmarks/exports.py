"""The shipped classifiers as ONNX and LiteRT, in floats and integers, compared on real faces.

scripts/setup_litert && scripts/bench exports
"""

import csv
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from kit.detection import DATA
from kit.report import Row, save, show

from maskwatch.models.catalogue import names
from maskwatch.training.workshop.choices import ExportForm


def main(
    litert: Annotated[Path, typer.Option(help="LiteRT's environment.")] = Path("/tmp/venv-litert"),
    data: Annotated[Path, typer.Option(help="The labelled set.")] = DATA / "ilc2021-val",
    faces: Annotated[int, typer.Option(min=10, help="Faces to compare on.")] = 300,
) -> None:
    """Export, show, keep."""
    rows = [row for name in names("classifier") for row in _exported(name, litert, data, faces)]
    show(f"exports, {faces} faces of {data.name}", rows)
    save("exports", rows)


def _exported(name: str, litert: Path, data: Path, faces: int) -> list[Row]:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        words = ["export", name, "--format", ",".join(ExportForm), "--data", str(data), "--litert",
                 str(litert), "--faces", str(faces), "--out", str(out)]  # fmt: skip
        subprocess.run([sys.executable, "-m", "maskwatch", *words], check=True, capture_output=True)
        with (out / "parity.csv").open(encoding="utf-8", newline="") as text:
            return [_row(name, told) for told in csv.DictReader(text)]


def _row(name: str, told: dict[str, str]) -> Row:
    figures = {
        "largest difference": told["difference"], "equal labels": told["equal"],
        "accuracy": told["accuracy"], "MB": told["megabytes"],
    }  # fmt: skip
    one_ms = float(told["one_ms"])
    return {
        "classifier": name,
        "form": told["form"],
        **{key: float(value) for key, value in figures.items()},
        "ms one face": one_ms or "",
    }


if __name__ == "__main__":
    typer.run(main)
