"""maskwatch data synthesize: more samples from photos of bare faces."""

from pathlib import Path
from typing import Annotated

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.data.options import chosen
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.cli.options import with_settings

_USED = (
    "classifier", "detector", "detector_weights", "device", "threads", "long_side", "score",
    "min_face", "unknown", "max_pixels", "every", "max_seconds", "overwrite",
)  # fmt: skip
Photos = Annotated[list[str], typer.Argument(help="Photos, folders, globs, videos of bare faces.")]
Out = Annotated[Path, typer.Option(help="Folder for the samples, a folder a state.")]
States = Annotated[str, typer.Option(help="What to draw, with commas: incorrect, mask, no_mask.")]
PerFace = Annotated[int, typer.Option(min=1, help="Samples of each state for a face.")]
Margin = Annotated[float, typer.Option(min=0, max=10, help="How far they reach beyond the face.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed draws the same.")]
MasksFrom = Annotated[
    list[str] | None,
    typer.Option(help="Photos of worn masks to take instead of drawn ones; may be repeated."),
]


@guarded
@with_settings(*_USED)
def synthesize(
    photos: Photos,
    out: Out,
    states: States = "incorrect,mask",
    per_face: PerFace = 3,
    margin: Margin = 0.3,
    seed: Seed = 42,
    masks_from: MasksFrom = None,
    *,
    settings: Settings,
) -> None:
    r"""Draw masks, worn well and wrong, and things that are no mask onto bare faces.

    Of videos, one frame a second is taken unless --every says otherwise.

    \b
    Examples:
      maskwatch data synthesize photos/ --out more/ --states incorrect,mask --per-face 3
      maskwatch data synthesize photos/ --out more/ --states no_mask --seed 7
      maskwatch data synthesize photos/ --out more/ --masks-from masked/
    """
    set_up_log()
    from maskwatch.data.synthesize import Order, synthesize
    from maskwatch.types import CLASSES, MaskState

    wanted = chosen(states, MaskState, "--states", CLASSES)
    order = Order(
        states=tuple(wanted),
        per_face=per_face,
        margin=margin,
        seed=seed,
        masks_from=tuple(masks_from or ()),
    )
    samples = errors = 0
    for result, drawn in synthesize(photos, out, order, settings.but(every=settings.every or "1s")):
        samples, errors = samples + drawn, errors + (result.error is not None)
        if result.error is not None:
            say(f"error: {result.error}")
    say(f"{samples} samples are in {out}" if samples else "no bare face was found: nothing drawn")
    if errors:
        raise typer.Exit(FAILED)
