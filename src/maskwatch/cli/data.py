"""maskwatch data: make and look after labelled sets."""

from pathlib import Path
from typing import Annotated

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.cli.options import GroupedHelp, with_settings

data_app = typer.Typer(help="Make and look after labelled sets.", no_args_is_help=True)
_USED = (
    "classifier", "detector", "detector_weights", "device", "threads", "long_side", "score",
    "min_face", "unknown", "max_pixels", "overwrite",
)  # fmt: skip
Photos = Annotated[list[str], typer.Argument(help="Photos, folders, globs, videos of bare faces.")]


@data_app.callback()
def _data() -> None:
    pass


@data_app.command(cls=GroupedHelp)
@guarded
@with_settings(*_USED)
def synthesize(
    photos: Photos,
    out: Annotated[Path, typer.Option(help="Folder for the samples, a folder a state.")],
    states: Annotated[
        str, typer.Option(help="What to draw, with commas: incorrect, mask, no_mask.")
    ] = "incorrect,mask",
    per_face: Annotated[int, typer.Option(min=1, help="Samples of each state for a face.")] = 3,
    margin: Annotated[
        float, typer.Option(min=0, max=10, help="How far samples reach beyond the face.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same.")] = 42,
    *,
    settings: Settings,
) -> None:
    r"""Draw masks, worn well and wrong, and things that are no mask onto bare faces.

    \b
    Examples:
      maskwatch data synthesize photos/ --out more/ --states incorrect,mask --per-face 3
      maskwatch data synthesize photos/ --out more/ --states no_mask --seed 7
    """
    set_up_log()
    from maskwatch.app.loop import Summary
    from maskwatch.data.synthesize import Order, synthesize
    from maskwatch.errors import UsageError
    from maskwatch.types import MaskState

    try:
        wanted = tuple(MaskState(word.strip()) for word in states.split(","))
    except ValueError as error:
        raise UsageError(f"--states: {error}; choose from incorrect, mask, no_mask") from error
    summary = Summary()
    for result in synthesize(photos, out, Order(wanted, per_face, margin, seed), settings):
        if result.error is not None:
            say(f"error: {result.error}")
        summary.add(result)
    bare = summary.states[MaskState.NO_MASK.value]
    faces = "1 bare face" if bare == 1 else f"{bare} bare faces"
    say(f"{bare * per_face * len(wanted)} samples of {faces} are in {out}")
    if summary.errors:
        raise typer.Exit(FAILED)
