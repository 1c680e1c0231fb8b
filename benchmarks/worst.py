"""A sheet of the faces that a classifier gets wrong, the surest errors first, to look at.

Each tile's title is the label, what was told and how surely: M mask, N no mask, I worn wrong.
The sheet shows people: it goes to a folder that git ignores.

    scripts/bench worst [--classifier NAME_OR_FOLDER] [--set ilc2021-val] [--count 60]
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from kit.faces import read_faces, tiles, write_sheet
from kit.judges import ours
from kit.report import ROOT

_LETTERS = "MNI"


def main(
    classifier: Annotated[str, typer.Option(help="Shipped name or folder.")] = "standard",
    set_: Annotated[str, typer.Option("--set", help="A reporting set.")] = "ilc2021-val",
    count: Annotated[int, typer.Option(help="Faces on the sheet.")] = 60,
    out: Annotated[Path, typer.Option(help="The PNG.")] = ROOT / "runs" / "worst.png",
) -> None:
    """Write the sheet."""
    faces = read_faces(ROOT.parent / "shared" / "data" / set_)
    table = ours(classifier)(faces)
    told = table.argmax(axis=1)
    wrong = np.flatnonzero(told != faces.labels)
    worst = wrong[np.argsort(table[wrong, faces.labels[wrong]])][:count].tolist()
    titles = [
        f"{_LETTERS[faces.labels[i]]}>{_LETTERS[told[i]]} {table[i].max():.2f} {i}" for i in worst
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    write_sheet(tiles(faces, worst, 192, 0.45), titles, 10, out)
    print(f"{len(wrong)} of {len(faces)} are wrong; {len(worst)} of them are in {out}")


if __name__ == "__main__":
    typer.run(main)
