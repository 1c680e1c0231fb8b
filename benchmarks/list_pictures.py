"""List every picture of the sets, so that they can be gathered again from where they are public.

Writes `benchmarks/data/pictures.csv`: set, file, public origin, path there, sha256 of the original,
role (train, report), part (fit, choose, report, left out), and `benchmarks/data/boxes-SET.csv` with
the labelled boxes of the reporting sets in pixels of the set's pictures, whose size is given.

    scripts/bench list_pictures
"""

import csv
import json
from pathlib import Path
from typing import Annotated

import typer
from kit.report import ROOT

from maskwatch.data.crops import is_held_out

REPORTING = ("ilc2021-val", "kaggle853-dev")
TO = ROOT / "benchmarks" / "data"


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")] = ROOT.parent
    / "shared"
    / "data",
) -> None:
    """Write the lists."""
    listed = (data / "not-for-shipped-models.txt").read_text("utf-8").splitlines()
    banned = {line.split("#")[0].strip() for line in listed}
    with (data / "manifest.csv").open(encoding="utf-8", newline="") as text:
        pictures = list(csv.DictReader(text))
    for picture in pictures:
        picture["role"] = "report" if picture["set"] in REPORTING else "train"
        picture["part"] = _part(picture, banned)
    _write(TO / "pictures.csv", pictures)
    for name in REPORTING:
        _write(TO / f"boxes-{name}.csv", _boxes(data / name / "annotations.json"))


def _part(picture: dict[str, str], banned: set[str]) -> str:
    if picture["role"] == "report":
        return "report"
    if f"{picture['set']}/{picture['file']}" in banned:
        return "left out"
    return "choose" if is_held_out(Path(picture["file"]).name) else "fit"


def _boxes(annotations: Path) -> list[dict[str, object]]:
    content = json.loads(annotations.read_text("utf-8"))
    states = {category["id"]: category["name"] for category in content["categories"]}
    images = {image["id"]: image for image in content["images"]}
    rows = []
    for annotation in content["annotations"]:
        image = images[annotation["image_id"]]
        x, y, width, height = annotation["bbox"]
        row = {"image": image["file_name"], "width": image["width"], "height": image["height"]}
        box = {"x1": x, "y1": y, "x2": x + width, "y2": y + height}
        rounded = {key: round(value, 1) for key, value in box.items()}
        rows.append({**row, **rounded, "state": states[annotation["category_id"]]})
    return rows


def _write(file: Path, rows: "list[dict[str, str]] | list[dict[str, object]]") -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{file.relative_to(ROOT)}: {len(rows)} rows, {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    typer.run(main)
