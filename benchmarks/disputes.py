"""Labels that trainings dispute, put before two readers, and what the readers agree on.

    scripts/bench disputes sheets --out runs/disputes [--steps 450]
    scripts/bench disputes merge --out runs/disputes

`sheets` trains on two thirds of the pictures at a time and judges the third that was not seen; the
faces whose label gets less than half of the probability go, in random order, numbered and without
label or answer, onto sheets `sheet-NN.png`. Each reader writes `pass-1.json` and `pass-2.json`: the
number of a face and [state or "cannot_tell", reason]. `merge` writes `corrections-SOURCE.json`
there: where both agree against the label, their state; where neither agrees with it and both cannot
tell or differ, unknown. The faces are cut from the labels as published.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from zlib import crc32

import cv2
import numpy as np
import typer
from kit.faces import write_sheet
from kit.networks import probabilities_of
from kit.report import ROOT

from maskwatch.data.corrections import Correction, write_corrections
from maskwatch.data.crops import FaceCrops
from maskwatch.training.fit import Recipe, fit
from maskwatch.training.memory import keep_freed_memory
from maskwatch.training.sets import SOURCES, WHOLE_PICTURES, load_crops
from maskwatch.types import CLASSES, Floats, Image, MaskState

SHARED = ROOT.parent / "shared"
Out = Annotated[Path, typer.Option(help="Folder of the runs and sheets; trainings resume.")]
_FOLDS, _ON_A_SHEET, _COLUMNS = 3, 20, 5
app = typer.Typer(add_completion=False)


@app.command()
def sheets(
    out: Out = ROOT / "runs" / "disputes",
    steps: Annotated[int, typer.Option(help="Steps of each training.")] = 450,
) -> None:
    """Train, judge, and write the sheets."""
    keep_freed_memory()
    crops = load_crops(out, SHARED / "data", None)
    table = _unseen(crops, out, steps)
    of_label = table[np.arange(len(crops)), crops.labels]
    right = table.argmax(axis=1) == crops.labels
    rows = np.random.default_rng(5).permutation(np.flatnonzero((of_label < 0.5) | ~right))
    np.save(out / "disputed.npy", rows)
    for start in range(0, len(rows), _ON_A_SHEET):
        some = rows[start : start + _ON_A_SHEET].tolist()
        numbers = [str(start + i) for i in range(len(some))]
        file = out / f"sheet-{start // _ON_A_SHEET:02}.png"
        write_sheet([_tile(crops, row) for row in some], numbers, _COLUMNS, file)
    print(f"{right.mean():.4f} of {len(crops)} as labelled; {len(rows)} disputed ones are in {out}")


@app.command()
def merge(out: Out = ROOT / "runs" / "disputes") -> None:
    """Write the corrections on which both readers agree."""
    crops = load_crops(out, SHARED / "data", None)
    first, second = (json.loads((out / f"pass-{i}.json").read_text("utf-8")) for i in (1, 2))
    corrections: dict[str, list[Correction]] = {source: [] for source in SOURCES}
    for number, row in enumerate(np.load(out / "disputed.npy").tolist()):
        old = CLASSES[crops.labels[row]]
        (one, why), (two, why_too) = first[str(number)], second[str(number)]
        if old.value in (one, two):
            continue
        agreed = one == two and one != "cannot_tell"
        source = SOURCES[crops.sources[row]]
        x1, y1, x2, y2 = crops.places[row].tolist()
        correction = Correction(
            image=str(crops.names[row]),
            box_xyxy=None if source in WHOLE_PICTURES else (x1, y1, x2, y2),
            old=old,
            new=MaskState(one) if agreed else MaskState.UNKNOWN,
            reason=why if why == why_too else f"{why}; {why_too}",
        )
        corrections[source].append(correction)
    for source, found in corrections.items():
        found.sort(key=lambda c: (c.image, c.box_xyxy or ()))
        write_corrections(out / f"corrections-{source}.json", found)
        print(f"{source}: {len(found)}")


def _unseen(crops: FaceCrops, out: Path, steps: int) -> Floats:
    """What trainings say of the faces that they did not see, shape (n, 3)."""
    weights = SHARED / "weights" / "mobilenetv2-imagenet-torchvision.safetensors"
    folds = np.array([crc32(name.encode()) % _FOLDS for name in crops.names.tolist()])
    table = np.zeros((len(crops), len(CLASSES)), np.float32)
    for fold in range(_FOLDS):
        left_out = folds == fold
        recipe = Recipe(steps=steps, seed=100 + fold, average_decay=0.98)
        here = replace(crops, held_out=left_out)
        network = fit(here, recipe, out / f"fold-{fold}", weights=weights)
        table[left_out] = probabilities_of(network, crops, np.flatnonzero(left_out), recipe)
    return table


def _tile(crops: FaceCrops, row: int) -> Image:
    tile = crops.images[row].copy()
    x1, y1, x2, y2 = crops.boxes[row, 0].round().astype(int).tolist()
    cv2.rectangle(tile, (x1, y1), (x2, y2), (255, 255, 0), 1)
    return tile


if __name__ == "__main__":
    app()
