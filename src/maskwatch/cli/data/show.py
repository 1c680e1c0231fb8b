"""maskwatch data show: a sheet of samples."""

from pathlib import Path
from typing import Annotated

import typer

from maskwatch.cli.data.options import Classes, Dataset, Overwrite, Part, Seed, read
from maskwatch.cli.guard import guarded, say, set_up_log

Out = Annotated[Path, typer.Option(help="The picture to write, a PNG or JPEG.")]
Columns = Annotated[int, typer.Option(min=1, max=100, help="Samples a row.")]
Rows = Annotated[int, typer.Option(min=1, max=100, help="Rows of each class.")]
Side = Annotated[int, typer.Option(min=16, max=512, help="Side of a sample in pixels.")]
Augment = Annotated[
    str | None,
    typer.Option(help="Change samples as training would: rotation=20,zoom=0.1,shift=0.1,hflip."),
]


@guarded
def show(
    dataset: Dataset,
    out: Out = Path("sheet.png"),
    columns: Columns = 12,
    rows: Rows = 3,
    side: Side = 112,
    part: Part = None,
    augment: Augment = None,
    seed: Seed = 42,
    classes: Classes = None,
    overwrite: Overwrite = False,
) -> None:
    r"""Draw samples of each class onto one sheet.

    \b
    Examples:
      maskwatch data show dataset/ --out sheet.png
      maskwatch data show split/ --part test --rows 6 --seed 7
      maskwatch data show split/ --augment rotation=30,zoom=0.2,shift=0.4,shear=0.18,hflip
    """
    set_up_log()
    import numpy as np

    from maskwatch.data.augment import parse_augmentation
    from maskwatch.data.labelled import only_part
    from maskwatch.data.outputs import check_file
    from maskwatch.data.sheet import sample_sheet
    from maskwatch.images import encode

    check_file(out, overwrite=overwrite)
    labelled = only_part(read(dataset, classes), part)
    change = parse_augmentation(augment or "none")
    rng = np.random.default_rng(seed)
    sheet = sample_sheet(
        labelled,
        columns=columns,
        rows=rows,
        side=side,
        seed=seed,
        change=lambda image: change(image, rng),
    )
    encode(sheet, out)
    say(f"the sheet is {out}")
