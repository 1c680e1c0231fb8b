"""Train without one source, test on it: for each labelled source, how far the recipe carries.

The looks of `standard`, with a mask on 35% of the bare faces, in a short recipe (96 pixels, one
training from ImageNet weights, in floats), on labels as published; the left-out source's labelled
boxes (where only the picture is labelled: the face detector's), argmax over three states. Without
`ilc2021-train` twenty faces that really wear their mask wrongly are left to learn from.

    scripts/bench leave_one_out [--steps 300]
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from kit.networks import probabilities_of
from kit.report import ROOT, Row, save, show

from maskwatch.data.crops import FaceCrops
from maskwatch.evaluation.intervals import interval
from maskwatch.evaluation.metrics import accuracy, accuracy_of, balanced_compliance, counted
from maskwatch.training.fit import Recipe, fit
from maskwatch.training.memory import keep_freed_memory
from maskwatch.training.plans import WIDE, WIDE_LAST
from maskwatch.training.sets import SOURCES, WHOLE_PICTURES, load_crops
from maskwatch.types import CLASSES

SHARED = ROOT.parent / "shared"


def main(
    steps: Annotated[int, typer.Option(help="Steps of each training.")] = 300,
    out: Annotated[Path, typer.Option(help="Folder of the runs; they resume.")] = ROOT
    / "runs"
    / "leave-one-out",
) -> None:
    """Train once for each source and keep the figures."""
    keep_freed_memory()
    crops = load_crops(out, SHARED / "data", None)
    looks = replace(WIDE_LAST.augmentation, drawn_mask=0.35)
    recipe = replace(
        WIDE, side=96, early_steps=0, steps=steps, average_decay=0.985, augmentation=looks
    )
    rows = [_left_out(crops, recipe, i, out / source) for i, source in enumerate(SOURCES)]
    show("trained on the others", rows)
    save("leave_one_out", rows)


def _left_out(crops: FaceCrops, recipe: Recipe, source: int, folder: Path) -> Row:
    weights = SHARED / "weights" / "mobilenetv2-imagenet-torchvision.safetensors"
    out = crops.sources == source
    network = fit(replace(crops, held_out=out), recipe, folder, weights=weights)
    table = probabilities_of(network, crops, np.flatnonzero(out), recipe)
    test = crops[np.flatnonzero(out)]
    # Two class folders may hold pictures of one name.
    keys = [f"{label}/{name}" for label, name in zip(test.labels, test.names, strict=True)]
    whole = SOURCES[source] in WHOLE_PICTURES
    _, groups = np.unique(keys if whole else test.names, return_inverse=True)
    got = accuracy_of(test.labels, table.argmax(axis=1))
    low, high = interval(accuracy, test.labels, table, groups)
    return {
        "left out": SOURCES[source],
        "faces": len(test),
        "accuracy": got.accuracy,
        "low": low,
        "high": high,
        **{f"F1 {state}": value for state, value in zip(CLASSES, got.f1, strict=True)},
        "balanced compliance": float(balanced_compliance(counted(test.labels, table))),
        "steps": recipe.steps,
    }


if __name__ == "__main__":
    typer.run(main)
